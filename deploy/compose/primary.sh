#!/bin/sh
# First start of a primary: the mesh's account with the privileges that it needs, and the account of the replica.
set -e
mysql -uroot -p"$MYSQL_ROOT_PASSWORD" <<SQL
CREATE USER 'mesh'@'%' IDENTIFIED BY '$MESH_PASSWORD';
GRANT REPLICATION CLIENT ON *.* TO 'mesh'@'%';
GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, ALTER, INDEX, REFERENCES, CREATE VIEW, SHOW VIEW,
  CREATE TEMPORARY TABLES, LOCK TABLES, EXECUTE, TRIGGER, CREATE ROUTINE, ALTER ROUTINE
  ON \`$MYSQL_DATABASE\`.* TO 'mesh'@'%';
CREATE USER 'replica'@'%' IDENTIFIED BY '$REPLICA_PASSWORD';
GRANT REPLICATION SLAVE ON *.* TO 'replica'@'%';
SQL
