import type { FileSource, OutgoingFile } from '../../modules/guest/index.js';
import { exchange } from './exchange.js';
import { fileAnnouncement, fileQuestion, readError, readPresigned, readUploaded } from './frames.js';
import type { Frame } from './frames.js';
import { asAppError, foreignFileHost, frameError, noAnswer, notHeld } from './genesys-errors.js';
import { isFileHost } from './genesys.settings.js';
import type { GenesysPlace } from './genesys.settings.js';
import type { LineTiming } from './guest-line.js';

type Request = { readonly action: string; readonly token: string } & object;

export type FilesOptions = {
  readonly place: GenesysPlace;
  readonly timing: LineTiming;
  readonly request: (request: Request, answers: readonly string[]) => Promise<Frame>;
};

/** For the bytes of one file, whatever a call may take otherwise: they are the longest thing there is to send. */
const PUT_MS = 10_000;

type Presigned = NonNullable<ReturnType<typeof readPresigned>>;

/** One file on its way. */
type Upload = { readonly done: Promise<{ readonly url: string | null }>; readonly stopped: AbortController };

/** How files get to Genesys, and how they are found there: announced on the guest socket, put where it says, and acknowledged on the socket again. */
export class GuestFiles {
  /** By the file's id, as is what follows: whoever waits for its acknowledgement. */
  private readonly waiting = new Map<string, (end: Frame) => void>();
  private readonly underWay = new Map<string, Upload>();

  constructor(private readonly options: FilesOptions) {}

  /**
   * Resolves with where it can be had, if Genesys says. Whoever asks again while the same file is on its way waits for that.
   * @throws AppError
   */
  upload(token: string, file: OutgoingFile): Promise<{ readonly url: string | null }> {
    const known = this.underWay.get(file.id);
    if (known !== undefined) return known.done;
    const stopped = new AbortController();
    const done = this.bring(token, file, stopped.signal).finally(() => this.underWay.delete(file.id));
    this.underWay.set(file.id, { done, stopped });
    return done;
  }

  /** Nothing more of any file leaves. */
  stop(): void {
    for (const { stopped } of this.underWay.values()) stopped.abort();
  }

  /** Where a file can be had now. @throws AppError */
  async locate(token: string, id: string): Promise<FileSource> {
    const { url } = await this.presigned(fileQuestion(token, id));
    return { id, url };
  }

  /** Whether a frame says how an upload ended; whoever waits for it knows then. */
  heard(frame: Frame): boolean {
    if (frame.class !== 'UploadSuccessEvent' && frame.class !== 'UploadFailureEvent') return false;
    this.waiting.get(readUploaded(frame.body).id)?.(frame);
    return true;
  }

  private async bring(
    token: string,
    file: OutgoingFile,
    stopped: AbortSignal,
  ): Promise<{ readonly url: string | null }> {
    const presigned = await this.presigned(fileAnnouncement(token, file));
    if (!isFileHost(this.options.place, presigned.url)) throw foreignFileHost();
    // The acknowledgement may overtake the answer to the PUT.
    const { acknowledged, forget } = this.acknowledgement(file.id, stopped);
    try {
      await this.put(presigned, file.bytes, stopped);
      return await acknowledged;
    } finally {
      forget();
    }
  }

  private async presigned(request: Request): Promise<Presigned> {
    const answer = await this.options.request(request, ['PresignedUrlResponse']);
    const presigned = readPresigned(answer.body);
    if (presigned === null) throw noAnswer();
    return presigned;
  }

  private async put({ url, headers }: Presigned, bytes: Buffer, stopped: AbortSignal): Promise<void> {
    const request = { called: 'files', method: 'PUT', url, headers, body: bytes, timeoutMs: PUT_MS } as const;
    try {
      await exchange({ ...request, signal: stopped });
    } catch (error) {
      throw stopped.aborted ? notHeld() : asAppError(error);
    }
  }

  private acknowledgement(id: string, stopped: AbortSignal) {
    let late: NodeJS.Timeout | undefined;
    const acknowledged = new Promise<{ readonly url: string | null }>((resolve, reject) => {
      late = setTimeout(() => reject(noAnswer()), PUT_MS + this.options.timing.answerMs);
      stopped.addEventListener('abort', () => reject(notHeld()));
      this.waiting.set(id, (frame) => {
        const error = readError(frame);
        if (error === null) resolve({ url: readUploaded(frame.body).url });
        else reject(frameError(error));
      });
    });
    acknowledged.catch(() => undefined);
    const forget = (): void => {
      clearTimeout(late);
      this.waiting.delete(id);
    };
    return { acknowledged, forget };
  }
}
