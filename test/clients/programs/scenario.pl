# The scenario for DBD::mysql: scenario.pl emulated|native.
use strict;
use warnings;
use utf8;
use DBI qw(:sql_types);

my $native = $ARGV[0] eq 'native' ? 1 : 0;
my $checks = 0;

sub check {
    my ($actual, $expected, $what) = @_;
    $checks++;
    my $text = sub { my $v = shift; ref $v eq 'ARRAY' ? '[' . join('|', map { ref $_ eq 'ARRAY' ? '[' . join(',', map { $_ // 'NULL' } @$_) . ']' : $_ // 'NULL' } @$v) . ']' : $v // 'NULL' };
    return if $text->($actual) eq $text->($expected);
    binmode STDERR, ':utf8';
    print STDERR "$what: ", $text->($actual), ' instead of ', $text->($expected), "\n";
    exit 1;
}

sub open_db {
    my ($more) = @_;
    return DBI->connect("DBI:mysql:host=$ENV{DB_HOST};port=$ENV{DB_PORT};database=$ENV{DB_NAME};mysql_server_prepare=$native" . ($more // ''),
        $ENV{DB_USER}, $ENV{DB_PASSWORD}, { RaiseError => 1, PrintError => 0, mysql_enable_utf8mb4 => 1, mysql_multi_statements => 1 });
}

my $db = open_db();
check([$db->selectrow_array('SELECT DATABASE(), @@character_set_client')], [$ENV{DB_NAME}, 'utf8mb4'], 'database and charset');
$db->do('DROP TABLE IF EXISTS orders');
$db->do('CREATE TABLE orders (order_id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, user_id INT NOT NULL, amount DECIMAL(20,4),
    note VARCHAR(200), created DATETIME(6), big BIGINT UNSIGNED, data BLOB, ratio DOUBLE) DEFAULT CHARSET=utf8mb4');

my $blob = join '', map { chr } 0 .. 255;
my $note = "Grüße \\ '\" 日本 🐬";
my $insert = $db->prepare('INSERT INTO orders (user_id, amount, note, created, big, data, ratio) VALUES (?, ?, ?, ?, ?, ?, ?)');
my @values = (7, '12345678901234.5678', $note, '2024-02-29 12:34:56.789012', '18446744073709551615', $blob, '0.5');
$insert->bind_param($_ + 1, $values[$_], $_ == 5 ? SQL_BLOB : $_ == 0 ? SQL_INTEGER : SQL_VARCHAR) for 0 .. $#values;
check($insert->execute, 1, 'affected');
my $first = $db->last_insert_id(undef, undef, undef, undef);
check($first > 0 ? 1 : 0, 1, 'last id');
$insert->execute(8, undef, undef, undef, undef, undef, undef);
check([$db->selectrow_array('SELECT amount, note, created, big, data, ratio FROM orders WHERE order_id = ? AND user_id = ?', undef, $first, 7)],
    ['12345678901234.5678', $note, '2024-02-29 12:34:56.789012', '18446744073709551615', $blob, '0.5'], 'row of all types');
check([$db->selectrow_array('SELECT amount, note, created, big, data, ratio FROM orders WHERE user_id = ?', undef, 8)], [(undef) x 6], 'row of NULLs');

for my $batch (0 .. 9) {
    my $list = join ',', map { my $i = $batch * 1000 + $_; sprintf "(%d, %s, 'row %d')", 100 + $i % 10, $i / 4, $i } 0 .. 999;
    check($db->do("INSERT INTO orders (user_id, amount, note) VALUES $list"), 1000, 'rows of one INSERT');
}
check([$db->selectrow_array('SELECT COUNT(*), SUM(amount), MIN(note), MAX(user_id) FROM orders WHERE user_id >= ?', undef, 100)],
    [10000, '12498750.0000', 'row 0', 109], 'aggregates');
check($db->selectcol_arrayref('SELECT note FROM orders WHERE user_id >= ? ORDER BY amount', undef, 100), [map { "row $_" } 0 .. 9999], 'large result');
# Unbuffered rows of server prepares never end in this driver, on any server.
my $stream = $db->prepare('SELECT order_id FROM orders', { mysql_use_result => $native ? 0 : 1 });
$stream->execute;
my $count = 0;
$count++ while $stream->fetch;
check($count, 10002, 'unbuffered rows');

$db->begin_work;
check($db->do("UPDATE orders SET note = 'changed' WHERE user_id = ?", undef, 101), 1000, 'changed rows');
$db->rollback;
check([$db->selectrow_array("SELECT COUNT(*) FROM orders WHERE note = 'changed'")], [0], 'rolled back');
$db->begin_work;
check($db->do('DELETE FROM orders WHERE user_id IN (101, 102)'), 2000, 'deleted rows');
$db->commit;
my $other = open_db();
check([$other->selectrow_array('SELECT COUNT(*) FROM orders')], [8002], 'committed');

for ([1064, 'SELEC 1'], [1146, 'SELECT * FROM no_such_table'], [1062, "INSERT INTO orders (order_id, user_id) VALUES ($first, 7)"]) {
    my ($errno, $sql) = @$_;
    eval { $db->do($sql); 1 } and check('no error', $errno, $sql);
    check($db->err, $errno, $sql);
}
$db->selectrow_array("SELECT CAST('1x' AS SIGNED)");
check([($db->selectrow_array('SHOW WARNINGS'))[1]], [1292], 'warning');

if (!$native) {    # DBD::mysql has several results without server prepares only
    my $several = $other->prepare("SELECT 1; SELECT COUNT(*) FROM orders; SELECT 'a;b'", { mysql_server_prepare => 0 });
    $several->execute;
    my @found;
    do { push @found, $several->fetchrow_array } while $several->more_results;
    check(\@found, [1, 8002, 'a;b'], 'multi-statements');
}

my $secure = open_db(";mysql_ssl=1;mysql_ssl_optional=1;mysql_ssl_ca_file=$ENV{DB_CA}");
check([$secure->selectrow_array('SELECT 1')], [1], 'TLS');
check($db->ping ? 1 : 0, 1, 'ping');
$_->disconnect for $db, $other, $secure;
print "ok $checks\n";
