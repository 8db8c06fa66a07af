import { exchange } from './exchange.js';
import { readHistory } from './frames.js';
import type { GuestMessage } from './frames.js';
import { asAppError } from './genesys-errors.js';
import type { GenesysPlace } from './genesys.settings.js';
import { genesysUrls } from './genesys.settings.js';
import { Pace } from './pace.js';

/** The page size of the official mobile client. */
const PAGE_SIZE = 25;
/** Ten requests a minute is what a session has; some are left for the next time. */
const MOST_PAGES = 8;
const TIMEOUT_MS = 5_000;

/**
 * What was said in one guest session, asked by the guest's own means: a short-lived token from its socket, not our OAuth client, so it
 * costs nothing of the organisation's budget.
 */
export class GuestHistory {
  private readonly url: string;
  private readonly origin: string;
  private readonly pace = new Pace([{ count: 10, perMs: 60_000 }]);

  constructor(
    place: GenesysPlace,
    /** Asks the guest socket for a token. */
    private readonly jwt: () => Promise<string>,
  ) {
    this.url = `${genesysUrls(place).api}/api/v2/webmessaging/messages`;
    this.origin = place.origin;
  }

  /**
   * Newest first, back to the page whose oldest message is `enough`, or to the beginning. `isWhole` says whether it got that far.
   * @throws AppError
   */
  async back(enough: (message: GuestMessage) => boolean): Promise<{ messages: GuestMessage[]; isWhole: boolean }> {
    const messages: GuestMessage[] = [];
    const jwt = await this.jwt();
    for (let pageNumber = 1; pageNumber <= MOST_PAGES; pageNumber++) {
      const page = await this.page(jwt, pageNumber);
      messages.push(...page.messages);
      if (page.isLast || page.messages.slice(-1).some(enough)) return { messages, isWhole: true };
    }
    return { messages, isWhole: false };
  }

  private async page(jwt: string, pageNumber: number): Promise<ReturnType<typeof readHistory>> {
    await this.pace.turn(0);
    try {
      const answer = await exchange({
        called: 'history',
        method: 'GET',
        url: `${this.url}?pageNumber=${pageNumber}&pageSize=${PAGE_SIZE}`,
        headers: { Authorization: `bearer ${jwt}`, Origin: this.origin, Accept: 'application/json' },
        timeoutMs: TIMEOUT_MS,
      });
      return readHistory(answer.data);
    } catch (error) {
      throw asAppError(error);
    }
  }
}
