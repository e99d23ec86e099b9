#!/bin/sh
# First start of a replica: nothing of its own in its log, then everything that its primary has, from the beginning on.
set -e
mysql -uroot -p"$MYSQL_ROOT_PASSWORD" <<SQL
RESET BINARY LOGS AND GTIDS;
CHANGE REPLICATION SOURCE TO SOURCE_HOST = '$PRIMARY', SOURCE_USER = 'replica', SOURCE_PASSWORD = '$REPLICA_PASSWORD',
  SOURCE_AUTO_POSITION = 1, GET_SOURCE_PUBLIC_KEY = 1;
SET PERSIST super_read_only = ON;
SQL
