/**
 * Makes a fresh checkout runnable (packages, Node 24, database server), then runs a script on that Node 24.
 * Plain JavaScript without dependencies: it is the one file that the machine's own Node (20 or later) has to run.
 *
 *   node scripts/setup.mjs [--for=demo|test|bench|tools] [SCRIPT.ts ARGUMENTS...]
 *
 * Idempotent; under half a second when everything is there. Exit 1 with what to do when something can't be set up.
 */
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { accessSync, chmodSync, constants, existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { constants as osConstants } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const modules = join(root, 'node_modules');
const nodeProgram = join(modules, 'node', 'bin', 'node');
const stampFile = join(modules, '.shardmesh-setup');
const colored = process.stderr.isTTY && !process.env.NO_COLOR;

const say = (text) => process.stderr.write(colored ? `\u001b[2mset-up:\u001b[0m ${text}\n` : `set-up: ${text}\n`);
const fail = (text) => {
  process.stderr.write(`${colored ? '\u001b[31mset-up failed:\u001b[0m' : 'set-up failed:'} ${text}\n`);
  process.exit(1);
};

/** The environment without what `npm run` adds, which would point a nested npm at the wrong folder. */
const cleanEnvironment = () => {
  const kept = {};
  for (const [name, value] of Object.entries(process.env)) {
    if (/^npm_(package|lifecycle|command|execpath|config_(local_)?prefix)/.test(name) || name === 'INIT_CWD') continue;
    kept[name] = value;
  }
  return kept;
};

const attempt = (program, args, options = {}) => {
  const result = spawnSync(program, args, { cwd: root, encoding: 'utf8', maxBuffer: 1 << 26, ...options });
  const output = `${result.stdout ?? ''}${result.stderr ?? ''}`.trimEnd().split('\n').slice(-30).join('\n');
  const reason = result.error?.message ?? `exit ${result.status}`;
  return { ok: !result.error && result.status === 0, text: `${program} ${args.join(' ')}: ${reason}\n${output}` };
};

/** Runs a program quietly; its output is shown only when it fails. */
const run = (program, args, options = {}) => {
  const { ok, text } = attempt(program, args, options);
  if (!ok) fail(text);
};

const works = (program) => {
  const result = spawnSync(program, ['--version'], { encoding: 'utf8' });
  return result.status === 0 && /^v(2[4-9]|[3-9]\d)\./.test(result.stdout);
};

const sha = (file) => createHash('sha256').update(readFileSync(file)).digest('hex');

/** True when the installed packages are those of the lock file. */
const packagesAreCurrent = (lockFile) => {
  const installed = join(modules, '.package-lock.json');
  if (!existsSync(installed)) return false;
  if (existsSync(stampFile)) return readFileSync(stampFile, 'utf8') === sha(lockFile);
  return statSync(installed).mtimeMs >= statSync(lockFile).mtimeMs;
};

const installPackages = () => {
  const lockFile = join(root, 'package-lock.json');
  const lock = existsSync(lockFile);
  if (lock ? packagesAreCurrent(lockFile) : existsSync(join(modules, '.package-lock.json'))) {
    if (lock && !existsSync(stampFile)) writeFileSync(stampFile, sha(lockFile));
  } else {
    const flags = ['--include=dev', '--no-audit', '--no-fund', '--loglevel=error'];
    say('installing packages (npm)');
    const env = cleanEnvironment();
    // A registry that lacks packages of other platforms makes lock files which `npm ci` finds incomplete; `npm install` can use them.
    if (!lock || !attempt('npm', ['ci', ...flags], { env }).ok) run('npm', ['install', '--no-save', ...flags], { env });
    if (lock) writeFileSync(stampFile, sha(lockFile));
  }
  if (existsSync(nodeProgram) && works(nodeProgram)) return;
  // Newer npm does not run the install scripts of packages unless told to: run the one that fetches Node itself.
  say('fetching Node 24');
  run(process.execPath, ['installArchSpecificPackage.js'], { cwd: join(modules, 'node'), env: cleanEnvironment() });
  if (!works(nodeProgram)) fail(`${nodeProgram} does not run on this machine`);
};

const hasProgram = (name) =>
  [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin', '/opt/homebrew/bin'].some((folder) => {
    try {
      accessSync(join(folder, name), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });

const hasCompose = () => hasProgram('docker-compose') || spawnSync('docker', ['compose', 'version']).status === 0;

/** Installs Debian packages without letting them start services on this machine. */
const aptInstall = (packages) => {
  say(`installing ${packages.join(', ')} (apt-get)`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const policy = '/usr/sbin/policy-rc.d';
  const own = !existsSync(policy);
  if (own) {
    writeFileSync(policy, '#!/bin/sh\nexit 101\n');
    chmodSync(policy, 0o755);
  }
  // run() ends the process on failure: the policy must go then as well.
  const removePolicy = () => own && rmSync(policy, { force: true });
  process.once('exit', removePolicy);
  run('apt-get', ['update', '-qq'], { env });
  run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...packages], { env });
  removePolicy();
};

const installServers = (purpose) => {
  const missing = [];
  const serverNamed = process.env.MYSQLD && (process.env.MYSQLD.includes('/') || hasProgram(process.env.MYSQLD));
  if (!serverNamed && !hasProgram('mariadbd') && !hasProgram('mysqld')) missing.push('mariadb-server');
  if ((purpose === 'test' || purpose === 'bench') && !hasProgram('sysbench')) missing.push('sysbench');
  if (purpose === 'test' && !hasProgram('redis-server')) missing.push('redis-server');
  if (purpose === 'test' && !hasProgram('chromium')) missing.push('chromium');
  // Reads docker-compose.yml; needs no engine.
  if (purpose === 'test' && !hasCompose()) missing.push('docker-compose');
  // Only measured beside us: the bench goes on without it where it can't be installed.
  const installs = process.getuid?.() === 0 && existsSync('/etc/debian_version') && hasProgram('apt-get');
  if (purpose === 'bench' && installs && !process.env.HAPROXY && !hasProgram('haproxy')) missing.push('haproxy');
  if (missing.length === 0) return;
  if (installs) {
    aptInstall(missing);
    return;
  }
  fail(
    `${missing.join(' and ')} missing. Install and run the command again:\n` +
      `  Debian, Ubuntu:  sudo apt-get install ${missing.join(' ')}\n` +
      `  Fedora, RHEL:    sudo dnf install ${missing.join(' ')}\n` +
      `  macOS:           brew install ${missing.map((name) => (name === 'mariadb-server' ? 'mariadb' : name)).join(' ')}\n` +
      '(the services need not run; MYSQLD=/path/to/mysqld names a server elsewhere)',
  );
};

/** Runs the script on Node 24 and ends as it ends. Ctrl-C reaches it directly; other signals are passed on. */
const start = (script, args) => {
  const env = { ...process.env, PATH: `${join(modules, '.bin')}${delimiter}${process.env.PATH ?? ''}` };
  const child = spawn(nodeProgram, ['--disable-warning=ExperimentalWarning', script, ...args], {
    stdio: 'inherit',
    env,
  });
  process.on('SIGINT', () => {});
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('error', (error) => fail(error.message));
  child.on('exit', (code, signal) => process.exit(signal ? 128 + (osConstants.signals[signal] ?? 0) : (code ?? 1)));
};

const [major = 0] = process.versions.node.split('.').map(Number);
if (major < 18) fail(`Node ${process.versions.node} is too old to set up; Node 18 or later is needed for this step`);
const args = process.argv.slice(2);
const purpose = args[0]?.startsWith('--for=') ? args.shift().slice('--for='.length) : 'tools';
installPackages();
if (purpose !== 'tools') installServers(purpose);
const [script, ...rest] = args;
if (script === undefined) say('ready');
else start(join(root, script), rest);
