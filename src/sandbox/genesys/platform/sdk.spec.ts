import platformClient from 'purecloud-platform-client-v2';
import { Lab, someText, wait } from '../../lab.contract.js';

describe('The official SDK against the sandbox', () => {
  let lab: Lab;
  beforeAll(async () => void (lab = await Lab.open()));
  afterAll(() => lab.close());

  function sdk() {
    const client = new platformClient.ApiClientClass();
    client.config.live_reload_config = false;
    client.config.setConfigPath('');
    client.setGateway({ host: '127.0.0.1', protocol: 'http', port: String(lab.sandbox.port) } as never);
    return client;
  }

  it('logs in, finds the conversation of a message, marks it and ends it', async () => {
    const { clientId, clientSecret } = lab.sandbox.connection.genesys;
    const client = sdk();
    const login = await client.loginClientCredentialsGrant(clientId, clientSecret);
    expect(login.accessToken).toEqual(someText);
    const api = new platformClient.ConversationsApi(client);

    const guest = await lab.configured();
    const echo = await guest.say('Is anybody there?', { guestSessionId: 'g-1' });
    await wait(60);
    const details = await api.getConversationsMessageDetails(echo.body.id);
    const conversationId = details.conversationId ?? '';

    const seen = await api.getConversationsMessage(conversationId);
    const customer = seen.participants?.find((each) => each.purpose === 'customer');
    expect(customer).toMatchObject({ state: 'connected', attributes: { guestSessionId: 'g-1' } });
    expect(customer?.messages?.[0]).toMatchObject({ messageId: echo.body.id, messageMetadata: { type: 'Text' } });

    await api.patchConversationParticipantAttributes(conversationId, customer?.id ?? '', {
      attributes: { converted: 'true' },
    });
    await api.patchConversationsMessageParticipantAttributes(conversationId, customer?.id ?? '', {
      body: { attributes: { source: 'website' } },
    });
    expect(await api.putConversationTags(conversationId, { externalTag: 'g-1' })).toBe(conversationId);
    const [{ messages: [communication] = [] } = {}] = (await api.getConversation(conversationId)).participants;
    const association = { conversationId, communicationId: communication?.id ?? '', mediaType: 'MESSAGE' };
    const contacts = new platformClient.ExternalContactsApi(client);
    await contacts.putExternalcontactsConversation(conversationId, { ...association, externalContactId: 'contact-1' });
    expect((await api.getConversation(conversationId)).participants[0]).toMatchObject({
      externalContactId: 'contact-1',
    });
    await contacts.putExternalcontactsConversation(conversationId, association);
    expect((await api.getConversation(conversationId)).participants[0]).not.toHaveProperty('externalContactId');
    await api.patchConversationsMessage(conversationId, { state: 'disconnected' } as never);

    const ended = await api.getConversation(conversationId);
    expect(ended).toMatchObject({ externalTag: 'g-1', endTime: someText });
    expect(ended.participants[0]).toMatchObject({
      attributes: { guestSessionId: 'g-1', converted: 'true', source: 'website' },
      messages: [{ state: 'disconnected', disconnectType: 'client' }],
    });
    await guest.heard((frame) => frame.body.events?.[0]?.presence?.type === 'Disconnect');
    await expect(
      api.patchConversationsMessage(conversationId, { state: 'disconnected' } as never),
    ).rejects.toMatchObject({ status: 400 });
  });

  it('rejects with the error body Genesys sends', async () => {
    const { clientId, clientSecret } = lab.sandbox.connection.genesys;
    const client = sdk();
    await client.loginClientCredentialsGrant(clientId, clientSecret);
    const api = new platformClient.ConversationsApi(client);
    await expect(api.getConversationsMessageDetails('0'.repeat(32))).rejects.toMatchObject({
      status: 404,
      code: 'not.found',
    });
    await lab.fault('genesys', '/details', { permission: false });
    await expect(api.getConversationsMessageDetails('0'.repeat(32))).rejects.toMatchObject({
      status: 403,
      code: 'missing.any.permissions',
    });
  });

  it('reads who it is, the clock and the deployment', async () => {
    const { clientId, clientSecret, deploymentId } = lab.sandbox.connection.genesys;
    const client = sdk();
    await client.loginClientCredentialsGrant(clientId, clientSecret);
    expect(await new platformClient.TokensApi(client).getTokensMe()).toMatchObject({ OAuthClient: { id: clientId } });
    expect(await new platformClient.UtilitiesApi(client).getDate()).toEqual({ currentDate: someText });
    expect(await new platformClient.WebDeploymentsApi(client).getWebdeploymentsDeployment(deploymentId)).toMatchObject({
      id: deploymentId,
      status: 'Active',
      allowedDomains: ['localhost', '127.0.0.1', 'example.com'],
    });
  });
});
