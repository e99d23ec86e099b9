/** The log: JSON lines without secrets. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createLogger, type LoggerOptions } from '../../src/telemetry/index.ts';

const logTo = (options: Partial<LoggerOptions> = {}) => {
  const lines: string[] = [];
  const logger = createLogger({ level: 'info', ...options, destination: { write: (line) => void lines.push(line) } });
  return { logger, lines, last: () => JSON.parse(lines.at(-1)!) as Record<string, unknown> };
};

describe('log', () => {
  it('writes one JSON object per event, with time, level and fields', () => {
    const { logger, lines, last } = logTo();
    logger.child({ database: 'shop' }).warn({ source: 'ds_0' }, 'source.silent');
    assert.equal(lines.length, 1);
    assert.ok(lines[0]!.endsWith('\n'));
    const { time, pid, ...rest } = last();
    assert.deepEqual(rest, { level: 'warn', database: 'shop', source: 'ds_0', event: 'source.silent' });
    assert.equal(pid, process.pid);
    assert.ok(!Number.isNaN(Date.parse(String(time))));
  });

  it('follows its level', () => {
    const { logger, lines } = logTo({ level: 'warn' });
    logger.info({}, 'no');
    logger.setLevel('debug');
    logger.debug({}, 'yes');
    logger.setLevel('silent');
    logger.error({}, 'no');
    assert.equal(lines.length, 1);
  });

  it('hides secrets by their name and by their value, wherever they stand', () => {
    const { logger, lines } = logTo({ secrets: ['s3cret-pass', 'with"quote\\'] });
    logger.info({ password: 'x', source: { password: 'y', name: 'ds_0' }, deep: { source: { token: 'z' } } }, 'a');
    assert.deepEqual(JSON.parse(lines[0]!).source, { password: '[redacted]', name: 'ds_0' });
    assert.ok(!/"[xyz]"/.test(lines[0]!));
    logger.info({ url: 'mysql://app:s3cret-pass@host', text: 'with"quote\\' }, 'b');
    const driverError = Object.assign(new Error('Access denied using s3cret-pass'), {
      options: { password: 'other' },
      code: 'ER_X',
    });
    logger.error({ error: driverError }, 'c');
    logger.addSecrets(['late-secret']);
    logger.info({ late: 'late-secret' }, 'd');
    const text = lines.join('');
    for (const secret of ['s3cret-pass', 'with\\"quote', 'other', 'late-secret'])
      assert.ok(!text.includes(secret), secret);
    for (const line of lines) JSON.parse(line);
    assert.match(lines[2]!, /"code":"ER_X"/);
  });

  it('pretty: a readable line', () => {
    const { logger, lines } = logTo({ format: 'pretty' });
    logger.info({ version: 3 }, 'configuration.applied');
    assert.match(lines[0]!, /^\S+ INFO {2}configuration\.applied version=3\n$/);
  });
});
