/**
 * The operators' page: lists transactions across services, shows one as a timeline, and gives orders about those that have not ended.
 * What comes from the sidecar is shown as text only. The token stays in this page's memory and goes nowhere else than to the sidecar.
 */

/** @type {(id: string) => any} */
const part = (id) => document.getElementById(id);
let token = '';
/** The transaction that is shown. */
let opened = '';
let next;
let listing = 0;
let opening = 0;

/** An element with text and children; text is never read as markup. */
function element(name, properties = {}, ...children) {
  const made = document.createElement(name);
  Object.assign(made, properties);
  made.append(...children);
  return made;
}

async function ask(path, body) {
  const response = await fetch(path, {
    method: body === undefined ? 'GET' : 'POST',
    headers: {
      authorization: `Bearer ${token}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    credentials: 'omit',
    cache: 'no-store',
  });
  const answer = await response.json();
  if (response.ok) return answer;
  if (response.status === 401) close();
  const missing = response.status === 404 && answer.error === 'no such path';
  throw new Error(
    missing
      ? 'This sidecar coordinates no transactions across services (transaction.coordinator is not configured).'
      : `${response.status}: ${answer.error}`,
  );
}

/** Runs what a person asked for and says what went wrong. */
function carefully(work) {
  return async (event) => {
    event?.preventDefault();
    try {
      part('message').textContent = '';
      await work(event);
    } catch (error) {
      part('message').textContent = error.message;
    }
  };
}

function close() {
  token = '';
  opened = '';
  part('main').hidden = true;
  part('login').hidden = false;
  part('confirm').close();
  for (const id of ['suspended', 'transactions', 'detail', 'sidecar']) part(id).replaceChildren();
}

// -- lists --

const time = (at) => new Date(at).toISOString().replace('T', ' ').slice(0, 19);

function line(one) {
  const name = element('button', { type: 'button', className: 'gid', textContent: one.gid });
  name.addEventListener(
    'click',
    carefully(() => show(one.gid)),
  );
  return element(
    'tr',
    {},
    element('td', {}, name),
    element('td', { textContent: one.kind }),
    element('td', { textContent: one.phase, className: `phase-${one.phase}` }),
    element('td', { textContent: time(one.createdAt), className: 'soft' }),
    element('td', { textContent: one.reason ?? '' }),
  );
}

function fill(table, transactions) {
  const names = ['name', 'kind', 'phase', 'began (UTC)', 'reason'];
  const head = element('tr', {}, ...names.map((textContent) => element('th', { textContent })));
  table.replaceChildren(head, ...transactions.map(line));
}

async function list() {
  const turn = ++listing;
  const phase = part('phase').value;
  const filter = phase === '' ? '' : `&phase=${encodeURIComponent(phase)}`;
  const [suspended, all] = await Promise.all([
    ask('v1/transactions?phase=suspended&limit=200'),
    ask(`v1/transactions?limit=50${filter}`),
  ]);
  if (turn !== listing) return;
  const more = suspended.next === undefined ? '' : '+';
  part('suspended-count').textContent = `(${suspended.transactions.length}${more})`;
  fill(part('suspended'), suspended.transactions);
  fill(part('transactions'), all.transactions);
  next = all.next;
  part('more').hidden = next === undefined;
}

async function more() {
  const turn = listing;
  const phase = part('phase').value;
  const filter = phase === '' ? '' : `&phase=${encodeURIComponent(phase)}`;
  const all = await ask(`v1/transactions?limit=50${filter}&after=${encodeURIComponent(next)}`);
  if (turn !== listing) return;
  part('transactions').append(...all.transactions.map(line));
  next = all.next;
  part('more').hidden = next === undefined;
}

// -- one transaction --

const sidesOf = { saga: ['action', 'compensate'], message: ['', 'deliver'], tcc: ['try', 'confirm or cancel'] };

/** The calls that were begun, in the order of time. */
function callsOf(transaction) {
  const [forward, settle] = sidesOf[transaction.kind] ?? ['', 'commit or rollback'];
  const calls = transaction.branches.flatMap((branch) => [
    { branch: branch.id, what: forward, ...branch.forward },
    { branch: branch.id, what: settle, ...branch.settle },
  ]);
  if (transaction.query !== undefined) calls.push({ branch: '', what: 'query', ...transaction.query });
  return calls
    .filter(({ status }) => status !== 'idle')
    .sort((a, b) => (a.firstAt ?? a.lastAt ?? 0) - (b.firstAt ?? b.lastAt ?? 0));
}

function timeline(transaction) {
  const calls = callsOf(transaction);
  const from = transaction.createdAt;
  const to = Math.max(from + 1, ...calls.map((call) => call.lastAt ?? call.firstAt ?? from));
  const share = (at) => `${(100 * (at - from)) / (to - from)}%`;
  const rows = calls.map((call) => {
    const begin = call.firstAt ?? call.lastAt ?? from;
    const end = Math.max(begin, call.lastAt ?? begin);
    const bar = element('div', { className: `bar status-${call.status}`, title: `${time(begin)} to ${time(end)}` });
    bar.style.left = `min(${share(begin)}, 100% - 4px)`;
    bar.style.width = `${(100 * (end - begin)) / (to - from)}%`;
    return element(
      'tr',
      {},
      element('td', { textContent: call.branch }),
      element('td', { textContent: call.what }),
      element('td', { textContent: call.status, className: `status-${call.status}` }),
      element('td', { textContent: String(call.attempts) }),
      element('td', {}, element('div', { className: 'track' }, bar)),
      element('td', { textContent: `+${begin - from} ms` }),
      element('td', { textContent: call.error ?? '' }),
    );
  });
  const names = ['step', 'call', 'status', 'tries', 'first to last call', 'began', 'last error'];
  return element(
    'table',
    { id: 'timeline' },
    element('tr', {}, ...names.map((textContent) => element('th', { textContent }))),
    ...rows,
  );
}

function pretty(payload) {
  try {
    return JSON.stringify(JSON.parse(payload), undefined, 2);
  } catch {
    return payload;
  }
}

function button(text, className, order) {
  const made = element('button', { type: 'button', textContent: text, className });
  made.addEventListener('click', () => confirm(order));
  return made;
}

/** What an order does, in the words that the operator confirms. */
const meaning = {
  RETRY: 'It goes on where it stopped: its open calls are made again.',
  'SKIP BRANCH':
    'The open call of this step counts as done, and is not made any more. Its effect must have been taken care of.',
  ROLLBACK: 'What was done is undone. Only possible as long as nothing is decided.',
  'FORCE COMMIT':
    'It ends as succeeded, as it is now: no further call is made. Services may be left with different outcomes.',
  'FORCE ROLLBACK':
    'It ends as failed, as it is now: nothing more is undone. Services may be left with different outcomes.',
};

const ended = (status) => status === 'done' || status === 'skipped';

function ordersOf(transaction) {
  const { gid, phase, resume } = transaction;
  if (phase === 'succeeded' || phase === 'failed') return [];
  const at = resume ?? phase;
  const side = at === 'forward' ? 'forward' : 'settle';
  const skips =
    phase === 'suspended'
      ? transaction.branches
          .filter((branch) => !ended(branch[side].status) && (branch[side].status !== 'idle' || side === 'forward'))
          .map(({ id }) => button(`Skip step ${id}`, '', { gid, order: 'SKIP BRANCH', branch: id }))
      : [];
  return [
    button('Retry', '', { gid, order: 'RETRY' }),
    ...skips,
    ...(at === 'forward' || at === 'prepared' ? [button('Roll back', '', { gid, order: 'ROLLBACK' })] : []),
    button('Force commit', 'danger', { gid, order: 'FORCE COMMIT' }),
    button('Force rollback', 'danger', { gid, order: 'FORCE ROLLBACK' }),
  ];
}

async function show(gid) {
  const turn = ++opening;
  const transaction = await ask(`v1/transactions/${encodeURIComponent(gid)}`);
  if (turn !== opening) return;
  opened = gid;
  const { phase, resume, reason, kind, owner, customData } = transaction;
  const facts = [
    ['kind', kind],
    ['phase', resume === undefined ? phase : `${phase}, in ${resume}`],
    ['reason', reason],
    ['began', `${time(transaction.createdAt)} UTC`],
    ['owner', owner],
    ['part of', transaction.parent],
    ['parts', transaction.children.map((child) => `${child.gid} (${child.phase})`).join(', ')],
    ['note', customData],
  ].filter(([, text]) => text !== undefined && text !== '');
  part('detail').replaceChildren(
    element('h2', { textContent: gid }),
    element(
      'table',
      { id: 'facts' },
      ...facts.map(([name, text]) =>
        element('tr', {}, element('th', { textContent: name }), element('td', { textContent: text })),
      ),
    ),
    element('p', { className: 'orders' }, ...ordersOf(transaction)),
    element('h2', { textContent: 'Timeline' }),
    timeline(transaction),
    element('h2', { textContent: 'Steps' }),
    ...transaction.branches.map((branch) =>
      element(
        'details',
        { open: phase === 'suspended' },
        element('summary', { textContent: `${branch.id} ${Object.values(branch.urls).join(' , ')}` }),
        element('pre', { textContent: pretty(branch.payload) || 'no payload' }),
      ),
    ),
    ...(transaction.audit.length === 0 ? [] : [element('h2', { textContent: 'Orders given' })]),
    element(
      'table',
      { id: 'audit' },
      ...transaction.audit.map((entry) =>
        element(
          'tr',
          {},
          ...[time(entry.at), entry.order, entry.by, entry.reason].map((textContent) => element('td', { textContent })),
        ),
      ),
    ),
  );
}

// -- orders --

let waiting;

function confirm(order) {
  waiting = order;
  const { gid, branch } = order;
  part('confirm-title').textContent = `${order.order}${branch === undefined ? '' : ` ${branch}`}: ${gid}`;
  part('confirm-text').textContent = meaning[order.order];
  part('reason').value = '';
  part('gid').value = '';
  part('gid-label').hidden = !order.order.startsWith('FORCE');
  check();
  part('confirm').showModal();
  part('reason').focus();
}

function check() {
  const named = part('gid-label').hidden || part('gid').value === waiting?.gid;
  part('give').disabled = waiting === undefined || part('reason').value.trim() === '' || !named;
}

async function give() {
  const order = waiting;
  if (order === undefined) return;
  waiting = undefined;
  const reason = part('reason').value.trim();
  part('confirm').close();
  const { gid, ...rest } = order;
  try {
    await ask(`v1/transactions/${encodeURIComponent(gid)}/resolve`, { ...rest, reason });
  } finally {
    if (token !== '') await Promise.all([list(), show(gid)]);
  }
}

// -- the page --

async function open() {
  token = part('token').value.trim();
  part('token').value = '';
  const status = await ask('v1/status');
  part('sidecar').textContent = `Shardmesh ${status.version ?? ''}, ${status.phase ?? ''}`;
  part('login').hidden = true;
  await list();
  part('main').hidden = false;
}

async function refresh() {
  await list();
  if (opened !== '') await show(opened);
}

part('login').addEventListener('submit', carefully(open));
part('refresh').addEventListener('click', carefully(refresh));
part('phase').addEventListener('change', carefully(list));
part('more').addEventListener('click', carefully(more));
part('reason').addEventListener('input', check);
part('gid').addEventListener('input', check);
part('give').addEventListener('click', carefully(give));
// Enter would close the dialog as if it were cancelled.
part('confirm').addEventListener('keydown', (event) => {
  if (event.key === 'Enter' && event.target.tagName === 'INPUT') event.preventDefault();
});
