import { read } from './repository';

const ENGLISH = read('docs/walkthroughs/order-and-prove-a-deletion.md');
const CHINESE = read('docs/walkthroughs/order-and-prove-a-deletion.zh.md');

/** Command lines of the blocks, in their order. */
const commandsOf = (text: string): readonly string[] =>
  [...text.matchAll(/^```\n([\s\S]*?)^```/gm)].flatMap(([, block = '']) =>
    block.trim().split('\n'),
  );

const partsOf = (text: string): readonly string[] =>
  [...text.matchAll(/^## (\d+)\. /gm)].map(([, number = '']) => number);

describe('the walkthrough for the DPO', () => {
  it('has the same steps with the same commands in both languages', () => {
    expect(commandsOf(ENGLISH).length).toBeGreaterThan(25);
    expect(commandsOf(CHINESE)).toEqual(commandsOf(ENGLISH));
    expect(partsOf(CHINESE)).toEqual(partsOf(ENGLISH));
    expect(partsOf(ENGLISH).map(Number)).toEqual(partsOf(ENGLISH).map((_, at) => at + 1));
  });

  it('goes from status over request, hold and interim statement to a verified certificate', () => {
    const steps = ['status', 'request-deletion', 'hold place', 'certificate interim'];
    const end = ['certificate show', 'evidence export', 'certificate verify', 'evidence verify'];
    const places = [...steps, ...end].map((step) =>
      commandsOf(ENGLISH).findIndex((line) => line.startsWith(`./dev lethe ${step} `)),
    );
    expect(places).not.toContain(-1);
    expect([...places].sort((a, b) => a - b)).toEqual(places);
  });

  it('says in each language what it says in the other, and in no other', () => {
    const prose = (text: string): string =>
      text.replace(/```[\s\S]*?```|`[^`]*`|\[[^\]]*\]\([^)]*\)/g, '');
    expect(prose(ENGLISH)).not.toMatch(/[\u3400-\u9fff]/);
    const longest = Math.max(
      ...(prose(CHINESE).match(/[A-Za-z][A-Za-z ]*/g) ?? []).map((words) => words.trim().length),
    );
    expect(longest).toBeLessThan(12);
  });
});
