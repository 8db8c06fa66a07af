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
    const unsent = { content: [{ contentType: 'Attachment', attachment: { id: randomUUID() } }] };
    expect(await guest.ask('onMessage', { message: unsent })).toMatchObject({ code: 4009 });
  });
});
