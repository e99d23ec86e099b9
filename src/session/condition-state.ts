/** SQLSTATE of the warnings that statements usually give: servers list a warning's number and text only. */

const states: ReadonlyMap<number, string> = new Map([
  ...byState('HY000', 1003, 1105, 1260, 1287, 1301, 1364, 1411, 1592, 1618, 1639, 1652, 1681, 1714, 1760, 1764, 1831),
  ...byState('01000', 1261, 1262, 1265),
  ...byState('02000', 1329),
  ...byState('22001', 1406),
  ...byState('22003', 1264, 1690),
  ...byState('22004', 1263),
  ...byState('22007', 1292, 1366),
  ...byState('22012', 1365),
  ...byState('23000', 1048, 1062, 1169, 1451, 1452),
  ...byState('35000', 1758),
  ...byState('42000', 1071, 1091, 1305),
  ...byState('42S01', 1050),
  ...byState('42S02', 1051, 1146),
  ...byState('42S22', 1054),
]);

function byState(state: string, ...numbers: readonly number[]): [number, string][] {
  return numbers.map((number) => [number, state]);
}

/** Undefined: not known. */
export function stateOfWarning(errno: number): string | undefined {
  return states.get(errno);
}
