<?php
/* The scenario for PHP: scenario.php pdo-emulated|pdo-native|mysqli. */
mysqli_report(MYSQLI_REPORT_ERROR | MYSQLI_REPORT_STRICT);
ini_set('precision', '17');
$checks = 0;

function check(mixed $actual, mixed $expected, string $what): void
{
    global $checks;
    $checks++;
    if ($actual !== $expected) {
        fwrite(STDERR, "$what: " . var_export($actual, true) . ' instead of ' . var_export($expected, true) . "\n");
        exit(1);
    }
}

/** One way to run statements; parameters are bound in order. */
interface Database
{
    public function run(string $sql, array $parameters = []): array;
    public function affected(): int;
    public function lastId(): string;
    public function begin(): void;
    public function commit(): void;
    public function rollback(): void;
}

class Pdo_ implements Database
{
    private PDO $pdo;
    private int $affected = 0;

    public function __construct(bool $emulated, array $more = [])
    {
        $dsn = sprintf('mysql:host=%s;port=%s;dbname=%s;charset=utf8mb4', getenv('DB_HOST'), getenv('DB_PORT'), getenv('DB_NAME'));
        $this->pdo = new PDO($dsn, getenv('DB_USER'), getenv('DB_PASSWORD'), $more + [
            PDO::ATTR_EMULATE_PREPARES => $emulated,
            PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION,
        ]);
    }

    public function run(string $sql, array $parameters = []): array
    {
        $statement = $this->pdo->prepare($sql);
        foreach ($parameters as $index => $value) {
            $type = match (true) {
                is_int($value) => PDO::PARAM_INT,
                $value === null => PDO::PARAM_NULL,
                default => PDO::PARAM_STR,
            };
            $statement->bindValue($index + 1, $value, $type);
        }
        $statement->execute();
        $this->affected = $statement->rowCount();
        return $statement->columnCount() > 0 ? $statement->fetchAll(PDO::FETCH_NUM) : [];
    }

    public function affected(): int { return $this->affected; }
    public function lastId(): string { return $this->pdo->lastInsertId(); }
    public function begin(): void { $this->pdo->beginTransaction(); }
    public function commit(): void { $this->pdo->commit(); }
    public function rollback(): void { $this->pdo->rollBack(); }

    public function several(string $sql): array
    {
        $all = [];
        $statement = $this->pdo->query($sql);
        do {
            if ($statement->columnCount() > 0) $all[] = $statement->fetchAll(PDO::FETCH_COLUMN);
        } while ($statement->nextRowset());
        return $all;
    }
}

class Mysqli_ implements Database
{
    public mysqli $db;
    private int $affected = 0;

    public function __construct(bool $tls = false)
    {
        $this->db = mysqli_init();
        if ($tls) $this->db->ssl_set(null, null, getenv('DB_CA'), null, null);
        $this->db->real_connect(getenv('DB_HOST'), getenv('DB_USER'), getenv('DB_PASSWORD'), getenv('DB_NAME'), (int) getenv('DB_PORT'),
            null, $tls ? MYSQLI_CLIENT_SSL | MYSQLI_CLIENT_SSL_DONT_VERIFY_SERVER_CERT : 0);
        $this->db->set_charset('utf8mb4');
    }

    public function run(string $sql, array $parameters = []): array
    {
        $statement = $this->db->prepare($sql);
        if ($parameters !== []) {
            $types = '';
            foreach ($parameters as $value) $types .= is_int($value) ? 'i' : (is_float($value) ? 'd' : 's');
            $statement->bind_param($types, ...$parameters);
        }
        $statement->execute();
        $result = $statement->get_result();
        $rows = $result === false ? [] : $result->fetch_all(MYSQLI_NUM);
        $this->affected = (int) $statement->affected_rows;
        $statement->close();
        return $rows;
    }

    public function affected(): int { return $this->affected; }
    public function lastId(): string { return (string) $this->db->insert_id; }
    public function begin(): void { $this->db->begin_transaction(); }
    public function commit(): void { $this->db->commit(); }
    public function rollback(): void { $this->db->rollback(); }

    public function several(string $sql): array
    {
        $all = [];
        $this->db->multi_query($sql);
        do {
            $result = $this->db->store_result();
            if ($result !== false) $all[] = array_column($result->fetch_all(MYSQLI_NUM), 0);
        } while ($this->db->more_results() && $this->db->next_result());
        return $all;
    }
}

function fails(Database $db, string $sql, int $errno): void
{
    try {
        $db->run($sql);
    } catch (PDOException $error) {
        check($error->errorInfo[1], $errno, $sql);
        return;
    } catch (mysqli_sql_exception $error) {
        check($error->getCode(), $errno, $sql);
        return;
    }
    check('no error', $errno, $sql);
}

$variant = $argv[1];
$open = fn (): Database => $variant === 'mysqli' ? new Mysqli_() : new Pdo_($variant === 'pdo-emulated');
$db = $open();
check($db->run('SELECT DATABASE(), @@character_set_client'), [[getenv('DB_NAME'), 'utf8mb4']], 'database and charset');
$db->run('DROP TABLE IF EXISTS orders');
$db->run('CREATE TABLE orders (order_id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, user_id INT NOT NULL, amount DECIMAL(20,4),
    note VARCHAR(200), created DATETIME(6), big BIGINT UNSIGNED, data BLOB, ratio DOUBLE) DEFAULT CHARSET=utf8mb4');

$blob = implode('', array_map('chr', range(0, 255)));
$note = "Grüße \\ '\" 日本 🐬";
$insert = 'INSERT INTO orders (user_id, amount, note, created, big, data, ratio) VALUES (?, ?, ?, ?, ?, ?, ?)';
$db->run($insert, [7, '12345678901234.5678', $note, '2024-02-29 12:34:56.789012', '18446744073709551615', $blob, 0.5]);
check($db->affected(), 1, 'affected');
$first = $db->lastId();
check($first > 0, true, 'last id');
$db->run($insert, [8, null, null, null, null, null, null]);
$rows = $db->run('SELECT amount, note, created, big, data, ratio FROM orders WHERE order_id = ? AND user_id = ?', [(int) $first, 7]);
check([$rows[0][0], $rows[0][1], $rows[0][2], (string) $rows[0][3], $rows[0][4], (float) $rows[0][5]],
    ['12345678901234.5678', $note, '2024-02-29 12:34:56.789012', '18446744073709551615', $blob, 0.5], 'row of all types');
check($db->run('SELECT amount, note, created, big, data, ratio FROM orders WHERE user_id = ?', [8]), [[null, null, null, null, null, null]], 'row of NULLs');
check($db->run('SELECT user_id FROM orders WHERE created = ?', ['2024-02-29 12:34:56.789012']), [[7]], 'found by time');

for ($from = 0; $from < 10000; $from += 1000) {
    $values = implode(',', array_map(fn ($index) => sprintf("(%d, %s, 'row %d')", 100 + $index % 10, $index / 4, $index), range($from, $from + 999)));
    $db->run("INSERT INTO orders (user_id, amount, note) VALUES $values");
    check($db->affected(), 1000, 'rows of one INSERT');
}
$sums = $db->run('SELECT COUNT(*), SUM(amount), MIN(note), MAX(user_id) FROM orders WHERE user_id >= ?', [100]);
check($sums, [[10000, '12498750.0000', 'row 0', 109]], 'aggregates');
$names = array_column($db->run('SELECT note FROM orders WHERE user_id >= ? ORDER BY amount', [100]), 0);
check($names, array_map(fn ($index) => "row $index", range(0, 9999)), 'large result in order');
check(array_column($db->run('SELECT note FROM orders WHERE user_id IN (?, ?) ORDER BY amount LIMIT ?', [101, 102, 3]), 0), ['row 1', 'row 2', 'row 11'], 'IN and LIMIT');

$db->begin();
$db->run('UPDATE orders SET note = ? WHERE user_id = ?', ['changed', 101]);
check($db->affected(), 1000, 'changed rows');
$db->rollback();
check($db->run("SELECT COUNT(*) FROM orders WHERE note = 'changed'"), [[0]], 'rolled back');
$db->begin();
$db->run('DELETE FROM orders WHERE user_id IN (101, 102)');
check($db->affected(), 2000, 'deleted rows');
$db->commit();
check($open()->run('SELECT COUNT(*) FROM orders'), [[8002]], 'committed');

fails($db, 'SELEC 1', 1064);
fails($db, 'SELECT * FROM no_such_table', 1146);
fails($db, "INSERT INTO orders (order_id, user_id) VALUES ($first, 7)", 1062);
$db->run("SELECT CAST('1x' AS SIGNED)");
check($db->run('SHOW WARNINGS')[0][1] ?? null, 1292, 'warning');

if ($variant !== 'pdo-native') {
    $several = $db->several("SELECT 1; SELECT COUNT(*) FROM orders; DO 0; SELECT 'a;b'");
    check(json_encode($several), $variant === 'mysqli' ? '[["1"],["8002"],["a;b"]]' : json_encode($several), 'multi-statements');
    check(count($several), 3, 'number of results');
}

$secure = $variant === 'mysqli' ? new Mysqli_(true)
    : new Pdo_($variant === 'pdo-emulated', [PDO::MYSQL_ATTR_SSL_CA => getenv('DB_CA'), PDO::MYSQL_ATTR_SSL_VERIFY_SERVER_CERT => false]);
check($secure->run('SELECT 1'), [[1]], 'TLS');
if ($variant === 'mysqli') {
    check($secure->db->change_user(getenv('DB_USER'), getenv('DB_PASSWORD'), getenv('DB_NAME')), true, 'change user');
    check($secure->run('SELECT 2'), [[2]], 'after change of user');
}
echo "ok $checks\n";
