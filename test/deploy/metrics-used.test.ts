/** The dashboard and the alert rules use only metrics, labels and label values that the sidecar has. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parse } from 'yaml';
import { createMeshMetrics, errorKinds, phases, reloadResults, routes } from '../../src/telemetry/mesh-metrics.ts';

const deploy = join(import.meta.dirname, '../../deploy');
const metrics = new Map(createMeshMetrics().registry.metrics.map((metric) => [metric.name, metric]));

/** Labels that Prometheus and the exposition add. */
const added = ['instance', 'job', 'le'];

/** Label values with a fixed list. */
const values: Readonly<Record<string, readonly string[]>> = {
  kind: errorKinds,
  phase: phases,
  route: routes,
  quantile: ['0.5', '0.99', '1'],
  area: ['resident', 'heap', 'external'],
};
const resultsOf: Readonly<Record<string, readonly string[]>> = {
  shardmesh_configuration_reloads_total: reloadResults,
  shardmesh_plan_cache_lookups_total: ['hit', 'miss'],
};

interface Use {
  readonly where: string;
  readonly expression: string;
}

function dashboardUses(): Use[] {
  const dashboard = JSON.parse(readFileSync(join(deploy, 'grafana-dashboard.json'), 'utf8')) as {
    panels: { title: string; targets?: { expr: string; legendFormat: string }[] }[];
  };
  return dashboard.panels.flatMap((panel) =>
    (panel.targets ?? []).map((target) => ({ where: panel.title, expression: target.expr })),
  );
}

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string; readonly description: string };
}

function alertRules(): Rule[] {
  const file = parse(readFileSync(join(deploy, 'alerts.yaml'), 'utf8')) as { groups: { rules: Rule[] }[] };
  return file.groups.flatMap((group) => group.rules);
}

/** The metric behind a name of the text form: histograms have three. */
function metricOf(name: string) {
  const found = metrics.get(name);
  if (found !== undefined) return found;
  const base = metrics.get(name.replace(/_(bucket|sum|count)$/, ''));
  return base?.kind === 'histogram' ? base : undefined;
}

function check(use: Use): void {
  const names = [...use.expression.matchAll(/\bshardmesh_\w+/g)].map((match) => match[0]);
  for (const name of names) assert.ok(metricOf(name), `${use.where}: there is no metric ${name}`);
  for (const [, name = '', selector = ''] of use.expression.matchAll(/\b(shardmesh_\w+)\{([^}]*)\}/g)) {
    for (const [, label = '', operator, value = ''] of selector.matchAll(/(\w+)(=~|!~|!=|=)"([^"]*)"/g)) {
      if (added.includes(label)) continue;
      assert.ok(metricOf(name)?.labelNames.includes(label), `${use.where}: ${name} has no label ${label}`);
      const allowed = label === 'result' ? resultsOf[name] : values[label];
      if (operator === '=') assert.ok(allowed?.includes(value), `${use.where}: ${name} never has ${label}="${value}"`);
    }
  }
  for (const [, list = ''] of use.expression.matchAll(/\bby \(([^)]*)\)/g)) {
    for (const label of list.split(',').map((text) => text.trim())) {
      const known = names.some((name) => metricOf(name)?.labelNames.includes(label));
      assert.ok(known || added.includes(label), `${use.where}: none of its metrics has the label ${label}`);
    }
  }
  const open = use.expression.split('(').length;
  assert.equal(use.expression.split(')').length, open, `${use.where}: parentheses of ${use.expression}`);
}

test('the dashboard shows metrics that exist', () => {
  const uses = dashboardUses();
  assert.ok(uses.length > 20);
  for (const use of uses) check(use);
});

test('the dashboard leaves out hardly anything', () => {
  const shown = dashboardUses()
    .map((use) => use.expression)
    .join('\n');
  const left = [...metrics.keys()].filter((name) => !shown.includes(name));
  assert.ok(left.length <= metrics.size / 3, `not shown: ${left.join(', ')}`);
});

test('alerts use metrics that exist and say what to do', () => {
  const rules = alertRules();
  assert.ok(rules.length >= 8);
  for (const rule of rules) {
    check({ where: rule.alert, expression: rule.expr });
    assert.match(rule.labels.severity, /^(critical|warning)$/);
    assert.ok(rule.annotations.summary.length > 10 && rule.annotations.description.length > 20, rule.alert);
  }
  assert.equal(new Set(rules.map((rule) => rule.alert)).size, rules.length);
});

test('the check itself finds what is wrong', () => {
  for (const expression of [
    'shardmesh_nothing_total',
    'shardmesh_ready_bucket',
    'shardmesh_errors_total{kind="none"}',
    'shardmesh_errors_total{source="ds_0"}',
    'sum by (source) (shardmesh_errors_total)',
    'sum(shardmesh_errors_total',
  ]) {
    assert.throws(() => check({ where: 'here', expression }), assert.AssertionError, expression);
  }
});
