import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ConsentSource, GuestManager, GuestManagerModule, portProvider } from 'genesys-guest-manager';
import { GuestForbiddenError } from 'genesys-guest-manager';
import { PreferenceCentre, SCHEME, shopHash } from './preference-centre.js';

@Module({ providers: [PreferenceCentre], exports: [PreferenceCentre] })
class PreferenceModule {}

@Module({
  imports: [
    GuestManagerModule.forRootAsync({
      imports: [PreferenceModule],
      inject: [PreferenceCentre],
      useFactory: (preferences: PreferenceCentre) => ({
        env: process.env,
        providers: [portProvider(ConsentSource, { useValue: preferences })],
      }),
    }),
    PreferenceModule,
  ],
})
class ShopModule {}

/** A page says yes to everything, for three people; the preference centre knows two of them. */
async function main(): Promise<void> {
  const app = await NestFactory.createApplicationContext(ShopModule);
  const preferences = app.get(PreferenceCentre);
  preferences.decided('reader@example.com', { marketing: true, dataProcessing: true });
  preferences.decided('objector@example.com', { marketing: false, dataProcessing: false });
  const guests = app.get(GuestManager);
  for (const email of ['reader@example.com', 'stranger@example.com', 'objector@example.com'])
    try {
      const { consent } = await guests.createGuest({
        mode: 'widget',
        identityAttributes: { emailHash: shopHash(email), scheme: SCHEME },
        consent: { marketing: true, dataProcessing: true },
      });
      console.log(`${email}: ${JSON.stringify(consent)}`);
    } catch (error) {
      if (!(error instanceof GuestForbiddenError)) throw error;
      console.log(`${email}: ${error.code}`);
    }
  await app.close();
  console.log('closed');
}

void main();
