import { genesysUrls, placeOf } from './genesys.settings.js';

const place = { environment: 'mypurecloud.de', deploymentId: 'a-deployment', origin: 'https://shop.example' };

describe('Where Genesys Cloud is', () => {
  it('follows from the domain of the region', () => {
    expect(genesysUrls(place)).toEqual({
      api: 'https://api.mypurecloud.de',
      token: 'https://login.mypurecloud.de/oauth/token',
      socket: 'wss://webmessaging.mypurecloud.de/v1?deploymentId=a-deployment',
      deploymentConfig: 'https://api-cdn.mypurecloud.de/webdeployments/v1/deployments/a-deployment/config.json',
    });
  });

  it('is a private gateway where there is one, with or without a final slash, and another host for sockets', () => {
    const gateways = { gatewayUrl: 'https://gate.example/genesys/', webmessagingUrl: 'wss://sockets.example' };
    expect(genesysUrls({ ...place, ...gateways })).toEqual({
      api: 'https://gate.example/genesys',
      token: 'https://gate.example/genesys/oauth/token',
      socket: 'wss://sockets.example/v1?deploymentId=a-deployment',
      deploymentConfig: 'https://gate.example/genesys/webdeployments/v1/deployments/a-deployment/config.json',
    });
    const { socket } = genesysUrls({ ...place, webmessagingUrl: 'ws://127.0.0.1:3999/messaging/v2' });
    expect(socket).toBe('ws://127.0.0.1:3999/messaging/v2?deploymentId=a-deployment');
  });

  it('is told on without the secret', () => {
    expect(placeOf({ ...place, clientId: 'id', clientSecret: 'secret' })).toEqual(place);
  });
});
