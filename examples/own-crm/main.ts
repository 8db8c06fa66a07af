import 'reflect-metadata';
import { Body, Controller, Get, Module, Param, Post } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { GuestManager, GuestManagerModule } from 'genesys-guest-manager';
import { acme } from './acme.crm.js';

/** The shop's own route. Guests are a call away, in the same process. */
@Controller('visits')
class VisitController {
  constructor(private readonly guests: GuestManager) {}

  @Post()
  async begin(@Body() { email, newsletter }: { email: string; newsletter: boolean }): Promise<{ guest: string }> {
    const guest = await this.guests.createGuest({
      email,
      consent: { marketing: newsletter, dataProcessing: true },
      attributes: { source: 'shop' },
    });
    return { guest: guest.id };
  }

  @Get(':id')
  async state(@Param('id') id: string): Promise<{ state: string }> {
    return { state: (await this.guests.getGuest(id)).state };
  }
}

@Module({
  // Without credentials of an organisation it brings its own sandbox.
  imports: [GuestManagerModule.forRoot({ env: process.env, crms: [acme] })],
  controllers: [VisitController],
})
class ShopModule {}

async function main(): Promise<void> {
  const app = await NestFactory.create<NestFastifyApplication>(ShopModule, new FastifyAdapter());
  app.enableShutdownHooks();
  await app.listen(Number(process.env['SHOP_PORT'] ?? 8080), '127.0.0.1');
  console.log(`the shop is open at ${await app.getUrl()}`);
}

void main();
