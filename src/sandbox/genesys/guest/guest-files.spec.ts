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

  it('come from the other side too, live and in the history, under addresses that run out and can be had anew', async () => {
    const guest = await lab.configured();
    await guest.say('Could you send me the invoice?');
    const { id } = (await lab.conversations()).at(-1)!;
    const bytes = Buffer.from('%PDF-1.7');
    const file = { fileName: 'invoice.pdf', fileType: 'application/pdf', base64: bytes.toString('base64') };
    const path = `/sandbox/genesys/conversations/${id}/messages`;
    await lab.http('PATCH', '/sandbox/genesys/deployment', { downloadSeconds: 1 });
    const said = await lab.http('POST', path, { text: 'Here it is', files: [file] });
    expect(said).toMatchObject({
      ...{ status: 201, body: { from: 'agent', files: [{ fileName: 'invoice.pdf', bytes: bytes.length }] } },
    });
    const heard = await guest.heard(({ body }) => body.text === 'Here it is');
    type Carried = { content: { contentType: string; attachment: { id: string; url: string } }[] };
    const [content] = (heard.body as unknown as Carried).content;
    expect(heard.body).toMatchObject({ type: 'Text', direction: 'Outbound', originatingEntity: 'Human' });
    expect(content).toMatchObject({
      contentType: 'Attachment',
      attachment: { filename: 'invoice.pdf', mediaType: 'File', mime: 'application/pdf', fileSize: bytes.length },
    });
    const { url, id: attachmentId } = content!.attachment;
    const read = async (address: string) => {
      const answer = await fetch(address);
      return [answer.status, answer.headers.get('content-type'), await answer.text()];
    };
    expect(await read(url)).toEqual([200, 'application/pdf', '%PDF-1.7']);
    const later = url.replace(/expires=\d+/, `expires=${Date.now() + 60_000}`);
    expect((await read(later))[0]).toBe(403);
    const { body } = await guest.ask('getJwt');
    const history = await lab.http<{ entities: Carried[] }>('GET', '/api/v2/webmessaging/messages', undefined, {
      authorization: `bearer ${body.jwt}`,
    });
    expect(history.body.entities).toContainEqual(expect.objectContaining({ content: [content] }));
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    expect(await read(url)).toEqual([403, 'application/xml', expect.stringContaining('Request has expired')]);
    const located = await guest.ask('getAttachment', { attachmentId });
    expect((await read((located.body as unknown as Presigned).url))[0]).toBe(200);
    expect(await (await lab.configured()).ask('getAttachment', { attachmentId })).toMatchObject({ code: 4009 });
    for (const files of ['x', [{ ...file, base64: '?' }], [{ fileName: 'a.pdf' }], Array(11).fill(file)])
      expect((await lab.http('POST', path, { text: 'x', files })).status).toBe(400);
    await lab.http('PATCH', '/sandbox/genesys/deployment', { downloadSeconds: 600 });
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
