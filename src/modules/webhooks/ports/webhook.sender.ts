/** Takes a message to a customer's address. */
export abstract class WebhookSender {
  /**
   * One POST, one answer: its status, whatever it is. Redirects are not followed and what was answered beside the status is not kept.
   * @throws AppError `webhook.address_refused` when the address is not one we may connect to, found out before anything is sent;
   *   `webhook.timeout` when there was no answer in time; `webhook.silent` when there was none at all
   */
  abstract post(url: string, headers: Readonly<Record<string, string>>, body: string): Promise<number>;
}
