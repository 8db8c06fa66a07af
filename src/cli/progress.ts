const WIDTH = 24;

/** `[######------] 12/24`; of an unknown total only the count. */
export function bar(done: number, total: number | null): string {
  if (total === null) return String(done);
  const filled = total === 0 ? WIDTH : Math.min(WIDTH, Math.floor((done / total) * WIDTH));
  return `[${'#'.repeat(filled)}${'-'.repeat(WIDTH - filled)}] ${done}/${total}`;
}

/** One line that changes on a terminal; elsewhere a line for each change. */
export class Progress {
  private last = '';

  constructor(private readonly out: NodeJS.WriteStream = process.stdout) {}

  show(text: string): void {
    if (text === this.last) return;
    this.last = text;
    this.out.write(this.out.isTTY ? `\r\u001b[2K${text}` : `${text}\n`);
  }

  end(): void {
    if (this.out.isTTY && this.last !== '') this.out.write('\n');
  }
}
