/** Declares the tests of one comparison: one per case file and protocol, each listing every case that fails. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type LayoutName, readCaseFiles } from './case-file.ts';
import { runCase } from './run-case.ts';
import type { Side } from './world.ts';

export interface Sides {
  readonly plain: Side;
  readonly mesh: Side;
}

/** DIFF_CASE=substring runs only the cases whose `file: name` contains it; DIFF_PROTOCOL=text or binary only one of the two. */
const filter = process.env['DIFF_CASE'] ?? '';
const onlyProtocol = process.env['DIFF_PROTOCOL'];

/** `refusals: false` leaves out the cases that only a mesh can pass. */
export const compareSides = (
  title: string,
  layout: LayoutName,
  start: () => Promise<Sides>,
  { refusals = true }: { readonly refusals?: boolean } = {},
): void => {
  describe(title, () => {
    let sides: Sides | undefined;
    before(async () => {
      sides = await start();
    });
    after(async () => {
      await sides?.mesh.stop();
      await sides?.plain.stop();
    });
    for (const protocol of ['text', 'binary'] as const) {
      if (onlyProtocol !== undefined && onlyProtocol !== protocol) continue;
      for (const { file, cases } of readCaseFiles()) {
        const chosen = cases.filter(
          (one) =>
            one.layouts.includes(layout) &&
            one.protocols.includes(protocol) &&
            (refusals || one.expect.kind === 'answer') &&
            `${file}: ${one.name}`.includes(filter),
        );
        if (chosen.length === 0) continue;
        it(`${file} (${chosen.length} cases, ${protocol})`, async () => {
          assert.ok(sides !== undefined, 'the servers did not start');
          const failed: string[] = [];
          for (const one of chosen) {
            let problem: string | undefined;
            try {
              problem = await runCase(one, protocol, sides.plain, sides.mesh);
            } catch (error) {
              problem = `the runner failed: ${(error as Error).stack}`;
            }
            if (problem !== undefined) failed.push(`- ${one.name}\n    ${problem}`);
          }
          assert.equal(
            failed.length,
            0,
            `${failed.length} of ${chosen.length} cases differ (${layout}, ${protocol})\n${failed.join('\n')}\n`,
          );
        });
      }
    }
  });
};
