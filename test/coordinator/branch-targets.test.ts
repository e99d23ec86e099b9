/** Which addresses branches may have. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { BranchClient, BranchTargets } from '../../src/coordinator/index.ts';

describe('branch targets', () => {
  it('refuses local, link-local and metadata addresses in every spelling, and what is no plain URL', () => {
    const targets = new BranchTargets([]);
    for (const host of [
      '127.0.0.1',
      '127.1',
      '2130706433',
      '0x7f.1',
      '0.0.0.0',
      '[::1]',
      '[::ffff:127.0.0.1]',
      '[::ffff:7f00:1]',
      '169.254.169.254',
      '[fe80::1]',
      '100.100.100.200',
    ])
      assert.match(targets.problem(`http://${host}/x`) ?? '', /branchHosts/, host);
    for (const url of ['ftp://10.0.0.1/', 'file:///etc/passwd', 'http://user:secret@10.0.0.1/', 'nonsense'])
      assert.ok(targets.problem(url), url);
    assert.equal(targets.problem('http://10.0.0.1:8080/x'), undefined);
  });

  it('lets through what is listed, and only on the port that is listed', () => {
    const targets = new BranchTargets(['127.0.0.1:8080', '[::1]', '*.svc']);
    assert.equal(targets.problem('http://127.0.0.1:8080/'), undefined);
    assert.ok(targets.problem('http://127.0.0.1:8081/'));
    assert.equal(targets.problem('http://[::1]:99/'), undefined);
    assert.ok(new BranchTargets(['127.0.0.1'], () => [16091]).problem('http://127.0.0.1:16091/'), 'its own port');
  });

  it('decides by what a name leads to', async () => {
    const call = async (...hosts: string[]) =>
      await new BranchClient(new BranchTargets(hosts)).call({
        url: 'http://localhost:1/',
        method: 'GET',
        headers: {},
        body: '',
        timeoutMs: 2000,
      });
    assert.match((await call()).detail ?? '', /leads to .* branchHosts/);
    assert.match((await call('localhost')).detail ?? '', /ECONNREFUSED/);
  });
});
