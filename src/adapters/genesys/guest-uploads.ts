import type { OutgoingFile } from '../../modules/guest/index.js';
import { exchange } from './exchange.js';
import { fileAnnouncement, readError, readPresigned, readUploaded } from './frames.js';
import type { Frame } from './frames.js';
import { asAppError, foreignFileHost, frameError, noAnswer } from './genesys-errors.js';
import { isFileHost } from './genesys.settings.js';
import type { GenesysPlace } from './genesys.settings.js';
import type { LineTiming } from './guest-line.js';

type Request = { readonly action: string; readonly token: string } & object;

export type UploadOptions = {
  readonly place: GenesysPlace;
  readonly timing: LineTiming;
  readonly request: (request: Request, answers: readonly string[]) => Promise<Frame>;
};

/** For the bytes of one file, whatever a call may take otherwise: they are the longest thing there is to send. */
const PUT_MS = 10_000;

/** How files get to Genesys: announced on the guest socket, put where it says, and acknowledged on the socket again. */
export class GuestUploads {
  /** By the file's id: whoever waits for its acknowledgement. */
  private readonly waiting = new Map<string, (end: Frame) => void>();

  constructor(private readonly options: UploadOptions) {}

  /** @throws AppError */
  async upload(token: string, file: OutgoingFile): Promise<void> {
    const { place, request } = this.options;
    const answer = await request(fileAnnouncement(token, file), ['PresignedUrlResponse']);
    const presigned = readPresigned(answer.body);
    if (presigned === null) throw noAnswer();
    if (!isFileHost(place, presigned.url)) throw foreignFileHost();
    // The acknowledgement may overtake the answer to the PUT.
    const acknowledged = this.acknowledgement(file.id);
    acknowledged.catch(() => undefined);
    await this.put(presigned, file.bytes);
    await acknowledged;
  }

  /** Whether a frame says how an upload ended; whoever waits for it knows then. */
  heard(frame: Frame): boolean {
    if (frame.class !== 'UploadSuccessEvent' && frame.class !== 'UploadFailureEvent') return false;
    this.waiting.get(readUploaded(frame.body))?.(frame);
    return true;
  }

  private async put({ url, headers }: NonNullable<ReturnType<typeof readPresigned>>, bytes: Buffer): Promise<void> {
    try {
      await exchange({ called: 'files', method: 'PUT', url, headers, body: bytes, timeoutMs: PUT_MS });
    } catch (error) {
      throw asAppError(error);
    }
  }

  private acknowledgement(id: string): Promise<void> {
    return new Promise<void>((resolve, reject) => {
      const late = setTimeout(() => settle(() => reject(noAnswer())), PUT_MS + this.options.timing.answerMs);
      const settle = (how: () => void): void => {
        clearTimeout(late);
        this.waiting.delete(id);
        how();
      };
      this.waiting.set(id, (frame) => {
        const error = readError(frame);
        settle(() => (error === null ? resolve() : reject(frameError(error))));
      });
    });
  }
}
