import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';

/** Stands between a client and a PostgreSQL server, and breaks what runs through it at chosen moments. */
export class CuttingProxy {
  /** What becomes of the next COMMIT: it arrives and its answer does not, or it never arrives. Either way the connection breaks. */
  nextCommit: 'passes' | 'loses its answer' | 'is lost' = 'passes';
  private readonly sockets = new Set<Socket>();
  private isAway = false;

  private constructor(
    private readonly server: Server,
    readonly url: string,
  ) {}

  static async before(databaseUrl: string): Promise<CuttingProxy> {
    const target = new URL(databaseUrl);
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const through = new URL(databaseUrl);
    through.hostname = '127.0.0.1';
    through.port = String((server.address() as AddressInfo).port);
    const proxy = new CuttingProxy(server, through.href);
    server.on('connection', (client) => proxy.carry(client, target));
    return proxy;
  }

  /** As when the server, or the way to it, is gone. */
  goAway(): void {
    this.isAway = true;
    this.cut();
  }

  comeBack(): void {
    this.isAway = false;
  }

  /** Breaks every connection there is. */
  cut(): void {
    for (const socket of this.sockets) socket.destroy();
  }

  async close(): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private carry(client: Socket, target: URL): void {
    if (this.isAway) return void client.destroy();
    const server = connect(Number(target.port || 5432), target.hostname);
    for (const socket of [client, server]) {
      socket.setNoDelay(true);
      this.sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        this.sockets.delete(socket);
        client.destroy();
        server.destroy();
      });
    }
    server.on('data', (data) => client.write(data));
    client.on('data', (data) => {
      const fate = data.includes('Q\0\0\0\x0bcommit\0') ? this.nextCommit : 'passes';
      if (fate !== 'passes') this.nextCommit = 'passes';
      if (fate === 'is lost') return void client.destroy();
      server.write(data);
      if (fate === 'loses its answer') server.removeAllListeners('data').on('data', () => client.destroy());
    });
  }
}
