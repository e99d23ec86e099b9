// The scenario for go-sql-driver: scenario OPTIONS, e.g. interpolateParams=true
package main

import (
	"bytes"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
)

var checks = 0

func check(actual, expected interface{}, what string) {
	checks++
	if fmt.Sprint(actual) != fmt.Sprint(expected) {
		fmt.Fprintf(os.Stderr, "%s: %v instead of %v\n", what, actual, expected)
		os.Exit(1)
	}
}

func must(err error, what string) {
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", what, err)
		os.Exit(1)
	}
}

func open(options string) *sql.DB {
	db, err := sql.Open("mysql", fmt.Sprintf("%s:%s@tcp(%s:%s)/%s?parseTime=true&charset=utf8mb4&%s", os.Getenv("DB_USER"), os.Getenv("DB_PASSWORD"),
		os.Getenv("DB_HOST"), os.Getenv("DB_PORT"), os.Getenv("DB_NAME"), options))
	must(err, "open")
	return db
}

func main() {
	options := os.Args[1]
	db := open(options)
	db.SetMaxOpenConns(4)
	exec := func(query string, args ...interface{}) sql.Result {
		result, err := db.Exec(query, args...)
		must(err, query[:min(len(query), 100)])
		return result
	}
	affected := func(result sql.Result) int64 {
		count, err := result.RowsAffected()
		must(err, "affected")
		return count
	}
	count := func(query string, args ...interface{}) int64 {
		var n int64
		must(db.QueryRow(query, args...).Scan(&n), query)
		return n
	}
	exec("DROP TABLE IF EXISTS orders")
	exec("CREATE TABLE orders (order_id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, user_id INT NOT NULL, amount DECIMAL(20,4)," +
		" note VARCHAR(200), created DATETIME(6), big BIGINT UNSIGNED, data BLOB, ratio DOUBLE) DEFAULT CHARSET=utf8mb4")
	blob := make([]byte, 256)
	for i := range blob {
		blob[i] = byte(i)
	}
	note := "Grüße \\ '\" 日本 🐬"
	moment := time.Date(2024, 2, 29, 12, 34, 56, 789012000, time.UTC)
	insert := "INSERT INTO orders (user_id, amount, note, created, big, data, ratio) VALUES (?, ?, ?, ?, ?, ?, ?)"
	result := exec(insert, 7, "12345678901234.5678", note, moment, uint64(18446744073709551615), blob, 0.1)
	check(affected(result), 1, "affected")
	first, err := result.LastInsertId()
	must(err, "last id")
	check(first > 0, true, "last id")
	exec(insert, 8, nil, nil, nil, nil, nil, nil)

	var amount, text string
	var created time.Time
	var big uint64
	var data []byte
	var ratio float64
	must(db.QueryRow("SELECT amount, note, created, big, data, ratio FROM orders WHERE order_id = ? AND user_id = ?", first, 7).
		Scan(&amount, &text, &created, &big, &data, &ratio), "row of all types")
	check(amount, "12345678901234.5678", "decimal")
	check(text, note, "text")
	check(created.Equal(moment), true, "time")
	check(big, uint64(18446744073709551615), "unsigned")
	check(bytes.Equal(data, blob), true, "blob")
	check(ratio, 0.1, "double")
	var none sql.NullString
	must(db.QueryRow("SELECT amount FROM orders WHERE user_id = ?", 8).Scan(&none), "NULL")
	check(none.Valid, false, "NULL")

	for batch := 0; batch < 10; batch++ {
		values := []string{}
		for i := batch * 1000; i < batch*1000+1000; i++ {
			values = append(values, fmt.Sprintf("(%d, %v, 'row %d')", 100+i%10, float64(i)/4, i))
		}
		check(affected(exec("INSERT INTO orders (user_id, amount, note) VALUES "+strings.Join(values, ","))), 1000, "rows of one INSERT")
	}
	statement, err := db.Prepare("SELECT COUNT(*) FROM orders WHERE user_id = ?")
	must(err, "prepare")
	for user := 100; user < 110; user++ {
		var n int
		must(statement.QueryRow(user).Scan(&n), "prepared")
		check(n, 1000, "prepared count")
	}
	must(statement.Close(), "close")
	var sum string
	must(db.QueryRow("SELECT SUM(amount) FROM orders WHERE user_id >= ?", 100).Scan(&sum), "sum")
	check(sum, "12498750.0000", "sum")
	rows, err := db.Query("SELECT note FROM orders WHERE user_id >= ? ORDER BY amount", 100)
	must(err, "large result")
	seen := 0
	for rows.Next() {
		var name string
		must(rows.Scan(&name), "scan")
		if name != fmt.Sprintf("row %d", seen) {
			check(name, seen, "order")
		}
		seen++
	}
	must(rows.Err(), "rows")
	check(seen, 10000, "large result")

	tx, err := db.Begin()
	must(err, "begin")
	_, err = tx.Exec("UPDATE orders SET note = ? WHERE user_id = ?", "changed", 101)
	must(err, "update")
	must(tx.Rollback(), "rollback")
	check(count("SELECT COUNT(*) FROM orders WHERE note = 'changed'"), 0, "rolled back")
	tx, err = db.Begin()
	must(err, "begin")
	result, err = tx.Exec("DELETE FROM orders WHERE user_id IN (?, ?)", 101, 102)
	must(err, "delete")
	check(affected(result), 2000, "deleted rows")
	must(tx.Commit(), "commit")
	check(count("SELECT COUNT(*) FROM orders"), 8002, "committed")

	for query, errno := range map[string]uint16{
		"SELEC 1": 1064, "SELECT * FROM no_such_table": 1146, fmt.Sprintf("INSERT INTO orders (order_id, user_id) VALUES (%d, 7)", first): 1062,
	} {
		_, err := db.Exec(query)
		var mine *mysql.MySQLError
		check(errors.As(err, &mine), true, query)
		check(mine.Number, errno, query)
	}

	secure := open(options + "&multiStatements=true&tls=skip-verify")
	several, err := secure.Query("SELECT 1; SELECT COUNT(*) FROM orders; SELECT 'a;b'")
	must(err, "multi-statements")
	found := []string{}
	for {
		for several.Next() {
			var value string
			must(several.Scan(&value), "scan")
			found = append(found, value)
		}
		if !several.NextResultSet() {
			break
		}
	}
	check(strings.Join(found, " "), "1 8002 a;b", "multi-statements")
	must(secure.Close(), "close")
	must(db.Close(), "close")
	fmt.Println("ok", checks)
}

func min(a, b int) int {
	if a < b {
		return a
	}
	return b
}
