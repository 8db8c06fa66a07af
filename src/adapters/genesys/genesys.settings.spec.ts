import { genesysUrls, isFileHost, placeOf } from './genesys.settings.js';

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

describe('Where files may go', () => {
  const place = { environment: 'mypurecloud.ie', deploymentId: 'd', origin: 'https://shop.example' };
  const gateway = { ...place, gatewayUrl: 'http://gateway.internal:8080/genesys' };

  it.each([
    'https://webmessaging.mypurecloud.ie/upload/1?signature=x',
    'https://api-downloads.mypurecloud.ie/1',
    'https://shyrka-prod-euw1-files.s3.amazonaws.com/1',
    'https://shyrka-prod-euw1-files.s3.eu-west-1.amazonaws.com/1',
  ])('is %s', (address) => expect(isFileHost(place, address)).toBe(true));

  it.each([
    'http://webmessaging.mypurecloud.ie/upload/1',
    'https://webmessaging.mypurecloud.ie:8443/upload/1',
    'https://mypurecloud.ie.example.com/1',
    'https://notmypurecloud.ie/1',
    'https://other.s3.amazonaws.com/shyrka-prod/1',
    'https://shyrka-x.example.com/a.s3.amazonaws.com',
    'https://169.254.169.254/latest/meta-data',
    'http://gateway.internal:8080/1',
    'file:///etc/passwd',
    'nonsense',
  ])('is not %s', (address) => expect(isFileHost(place, address)).toBe(false));

  it('is the private gateway, where there is one, and no neighbour of it', () => {
    expect(isFileHost(gateway, 'http://gateway.internal:8080/uploads/1')).toBe(true);
    expect(isFileHost(gateway, 'http://gateway.internal:9090/uploads/1')).toBe(false);
  });
});
