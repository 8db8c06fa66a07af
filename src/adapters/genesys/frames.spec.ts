import fc from 'fast-check';
import { readError, readFrame, readHistory, readJwt, readMessage, readSession } from './frames.js';
import { frameError } from './genesys-errors.js';

describe('Frames of the guest socket', () => {
  it('are read whatever is in them', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.string(), (body, text) => {
        readFrame(text);
        const frame = readFrame(JSON.stringify({ class: 'StructuredMessage', body }))!;
        readError(frame);
        readMessage(frame.body);
        readSession(frame.body);
        readJwt(frame.body);
        readHistory({ entities: body });
        readHistory(body);
      }),
    );
  });

  it('tell an echo of the guest from what an agent, and what a bot says', () => {
    const time = '2026-03-01T12:00:00.000Z';
    const echo = { id: 'a', type: 'Text', direction: 'Inbound', text: 'Hi', channel: { time, messageId: 'b' } };
    expect(readMessage(echo)).toMatchObject({ id: 'a', key: 'b', from: 'guest', text: 'Hi', at: new Date(time) });
    const outbound = { id: 'c', type: 'Structured', direction: 'Outbound', originatingEntity: 'Human' };
    expect(readMessage(outbound)).toMatchObject({ key: 'c', from: 'agent', isText: true, text: '', at: null });
    expect(readMessage({ ...outbound, originatingEntity: 'Bot' })).toMatchObject({ from: 'bot' });
    expect(readMessage({ ...outbound, originatingEntity: undefined })).toMatchObject({ from: 'bot' });
    expect(readMessage({ ...outbound, type: 'Receipt' })).toMatchObject({ isText: false });
  });

  it('tell of files what can be believed, and leave out what is none', () => {
    const whole = { id: 'a', url: 'https://x/y', filename: 'a.pdf', mediaType: 'File', mime: 'application/pdf' };
    const heard = { id: 'a', url: 'https://x/y', fileName: 'a.pdf', mediaType: 'application/pdf' };
    const content = [
      ...[5, 0, -1, 0.5, 2 ** 31, '5', null].map((fileSize) => ({ attachment: { ...whole, fileSize } })),
      ...[null, 'x', {}, { attachment: null }, { attachment: { id: 7 } }, { contentType: 'Card', card: {} }],
      { attachment: { id: 'b', url: 7, filename: null, mime: {} } },
    ];
    const body = { id: 'm', type: 'Text', direction: 'Outbound', content };
    expect(readMessage(body)!.attachments).toEqual([
      ...[5, 0, null, null, null, null, null].map((size) => ({ ...heard, size })),
      { id: 'b', url: null, fileName: null, mediaType: null, size: null },
    ]);
    expect(readMessage({ ...body, content: 'x' })!.attachments).toEqual([]);
  });

  it.each([
    [{ type: 'On', duration: 3_000 }, 3_000],
    [{ type: 'On', durationMs: 4_000 }, 4_000],
    [{ type: 'On' }, 5_000],
    [{ type: 'On', duration: 9e9 }, 60_000],
    [{ type: 'On', duration: -1 }, 0],
    [{ type: 'Off', duration: 3_000 }, 0],
    [undefined, 0],
  ])('tell for how long somebody types: %j', (typing, typingMs) => {
    const events = [{ eventType: 'Typing', typing }];
    const body = { id: 'a', type: 'Event', direction: 'Outbound', events };
    expect(readMessage(body)).toMatchObject({ isText: false, presence: [], typingMs });
    expect(readMessage({ ...body, events: [] })).toMatchObject({ typingMs: null });
  });

  it.each([
    ['{"class":"string","code":4011,"body":"message too long"}', 'refused', 'genesys.text_too_long'],
    ['{"class":"string","code":4007,"body":"session not found"}', 'refused', 'genesys.session_expired'],
    ['{"class":"string","code":409,"body":"read only"}', 'conflict', 'genesys.read_only'],
    ['{"class":"string","code":403,"body":"not supported"}', 'refused', 'genesys.not_enabled'],
    ['{"class":"string","code":4020,"body":"Missing parameter"}', 'refused', 'genesys.bad_request'],
    ['{"class":"string","code":5000,"body":"Request failed."}', 'unavailable', 'genesys.unavailable'],
    ['{"class":"string","code":404,"body":"not found"}', 'unavailable', 'genesys.unavailable'],
    ['{"class":"string","code":401,"body":"no"}', 'unavailable', 'genesys.unauthenticated'],
    ['{"class":"ErrorMessage","code":400,"body":{"errorCode":4013}}', 'refused', 'genesys.attributes_too_long'],
    ['{"class":"ErrorMessage","body":{"errorCode":4006}}', 'refused', 'genesys.session_expired'],
    ['{"class":"Error","body":"what?"}', 'unavailable', 'genesys.unavailable'],
    [
      '{"class":"TooManyRequestsErrorMessage","code":429,"body":{"retryAfter":3,"errorCode":4029}}',
      'throttled',
      'genesys.throttled',
    ],
  ])('that are errors become errors of ours: %s', (text, kind, code) => {
    expect(frameError(readError(readFrame(text)!)!)).toMatchObject({ kind, code });
  });

  it('that are no errors are none', () => {
    expect(readError(readFrame('{"class":"string","code":200,"body":"ok"}')!)).toBeNull();
    expect(readError(readFrame('{"class":"SessionResponse","body":{}}')!)).toBeNull();
  });
});
