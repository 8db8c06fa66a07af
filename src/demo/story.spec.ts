import { NotSeen, Story } from './story.js';
import { tracesIn } from './traces.js';

describe('the story of the demo', () => {
  const told: string[] = [];
  const story = new Story((line) => told.push(line));
  beforeEach(() => told.splice(0));

  it('ends where something is not so, and knows where that was', () => {
    story.step('A guest is made');
    story.saw('it has an id', true);
    expect(() => story.saw('it has an ETag', false)).toThrow(NotSeen);
    expect(told).toEqual(['\n1. A guest is made\n', '   ✓ it has an id']);
    expect(story.place).toBe('step 1 (A guest is made)');
  });

  it('looks again until there is something to see, but not for ever', async () => {
    const looks = [null, false, undefined, 'a reply'];
    await expect(story.waitFor('a reply came', async () => looks.shift())).resolves.toBe('a reply');
    await expect(story.waitFor('another came', async () => looks.shift(), 100)).rejects.toThrow(/another came/);
    expect(told).toEqual(['   ✓ a reply came']);
  });

  it.each([
    'from USER@example.com, yesterday',
    'GET /?q=user%40example.com',
    Buffer.from('user@example.com').toString('base64'),
    'b4c9a289323b21a01c3e940f150eb9b8c542587f1abfd8f0e1cc1ffc5e475514',
    'call +12025550147',
    '(202) 555-0147',
  ])('finds the guest in: %s', (text) => expect(tracesIn(text)).not.toEqual([]));

  it('does not take a keyed hash or another person for a trace', () => {
    expect(tracesIn(`${'7f871321c1c6'.repeat(5)} other@example.com +12025550148`)).toEqual([]);
  });
});
