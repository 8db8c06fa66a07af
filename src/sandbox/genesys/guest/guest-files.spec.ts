import { randomUUID } from 'node:crypto';
import { Lab } from '../../lab.contract.js';

describe('Files of a guest', () => {
  let lab: Lab;
  beforeAll(async () => void (lab = await Lab.open()));
  afterAll(() => lab.close());

  type Presigned = { attachmentId: string; url: string; headers: Record<string, string> };

  it('travel by a signed address and arrive in a message', async () => {
    const guest = await lab.configured();
    const attachmentId = randomUUID();
    const bytes = Buffer.from('not really a picture');
    const announced = await guest.ask('onAttachment', {
      attachmentId,
      fileName: 'cat.png',
      fileType: 'image/png',
      fileSize: bytes.length,
      errorsAsJson: true,
    });
    expect(announced).toMatchObject({ class: 'PresignedUrlResponse', body: { attachmentId, fileName: 'cat.png' } });
    const { url, headers } = announced.body as unknown as Presigned;
    expect((await fetch(url, { method: 'PUT', body: bytes })).status).toBe(403);
    const uploaded = await fetch(url, { method: 'PUT', body: bytes, headers });
    await uploaded.text();
    expect(uploaded.status).toBe(200);
    await guest.heard((frame) => frame.class === 'UploadSuccessEvent');

    const message = { content: [{ contentType: 'Attachment', attachment: { id: attachmentId } }] };
    const echo = await guest.ask('onMessage', { message });
    expect(echo.body).toMatchObject({
      type: 'Text',
      content: [
        {
          contentType: 'Attachment',
          attachment: { id: attachmentId, filename: 'cat.png', mediaType: 'Image', mime: 'image/png' },
        },
      ],
    });
    const located = await guest.ask('getAttachment', { attachmentId });
    const download = await fetch((located.body as unknown as Presigned).url);
    expect(Buffer.from(await download.arrayBuffer())).toEqual(bytes);
    expect(await guest.ask('deleteAttachment', { attachmentId })).toMatchObject({ code: 4009 });
  });

  it('are refused for what they are', async () => {
    const guest = await lab.configured();
    const announce = (fields: object) =>
      guest.ask('onAttachment', {
        attachmentId: randomUUID(),
        fileName: 'a.txt',
        fileType: 'text/plain',
        fileSize: 3,
        ...fields,
      });
    expect(await announce({ fileName: 'virus.exe' })).toMatchObject({
      class: 'GenerateUrlError',
      body: { errorCode: 4001 },
    });
    expect(await announce({ fileSize: 11 * 1024 * 1024 })).toMatchObject({ body: { errorCode: 4002 } });
    expect(await announce({ fileName: 'noextension' })).toMatchObject({ body: { errorCode: 4004 } });
    expect(await announce({ fileSize: 0 })).toMatchObject({ body: { errorCode: 4102 } });
    const { url, headers } = (await announce({})).body as unknown as Presigned;
    await fetch(url, { method: 'PUT', body: 'longer than announced', headers });
    expect(await guest.heard((frame) => frame.class === 'UploadFailureEvent')).toMatchObject({
      body: { errorCode: 4002 },
    });
    const virus = `X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!`;
    const infected = (await announce({ fileSize: virus.length })).body as unknown as Presigned;
    await fetch(infected.url, { method: 'PUT', body: virus, headers: infected.headers });
    expect(await guest.heard(({ body }) => (body as { errorCode?: number }).errorCode === 4003)).toMatchObject({
      ...{ class: 'UploadFailureEvent', body: { attachmentId: infected.attachmentId } },
    });
    const unsent = { content: [{ contentType: 'Attachment', attachment: { id: randomUUID() } }] };
    expect(await guest.ask('onMessage', { message: unsent })).toMatchObject({ code: 4009 });
  });

  it('are of the types the deployment allows, and have an end', async () => {
    const guest = await lab.configured();
    const attachmentId = randomUUID();
    const announce = (fileType: string, id = attachmentId) =>
      guest.ask('onAttachment', { attachmentId: id, fileName: 'a.png', fileType, fileSize: 3 });
    await lab.http('PATCH', '/sandbox/genesys/deployment', { fileTypes: ['image/*'], fileSeconds: 1 });
    expect(await announce('text/plain')).toMatchObject({ class: 'GenerateUrlError', body: { errorCode: 4001 } });
    const { url, headers } = (await announce('image/png')).body as unknown as Presigned;
    await fetch(url, { method: 'PUT', body: 'png', headers });
    await guest.heard((frame) => frame.class === 'UploadSuccessEvent');
    const message = { content: [{ contentType: 'Attachment', attachment: { id: attachmentId } }] };
    const say = () => guest.ask('onMessage', { message });
    const other = await lab.configured();
    expect(await other.ask('onMessage', { message })).toMatchObject({ code: 4009 });
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    expect(await say()).toMatchObject({ code: 4008 });
    await lab.http('PATCH', '/sandbox/genesys/deployment', { fileTypes: ['*/*'], fileSeconds: 3_600 });
  });

  it('stay with the session that announced them', async () => {
    const [guest, other] = [await lab.configured(), await lab.configured()];
    const announced = { attachmentId: randomUUID(), fileName: 'a.txt', fileType: 'text/plain', fileSize: 5 };
    const { url, headers } = (await guest.ask('onAttachment', announced)).body as unknown as Presigned;
    expect(await other.ask('onAttachment', announced)).toMatchObject({
      ...{ class: 'GenerateUrlError', body: { errorCode: 4009 } },
    });
    expect((await fetch(url, { method: 'PUT', body: 'hello', headers })).status).toBe(200);
    await guest.heard((frame) => frame.class === 'UploadSuccessEvent');
  });
});
