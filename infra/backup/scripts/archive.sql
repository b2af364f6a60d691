-- What the archive needs of the server. Asked whenever the archive connects, for the server may have been restored, or made
-- anew. The answer: which line of data this is, whether the slot is new, where it begins, and the server's time.

-- A container is another machine: the image lets none replicate until a rule says so.
SELECT NOT EXISTS (
  SELECT FROM pg_hba_file_rules
  WHERE 'replication' = ANY (database) AND address IN ('all', host(inet_client_addr()))
) AS closed \gset
\if :closed
  COPY (SELECT 'host replication all all scram-sha-256') TO PROGRAM 'cat >>pg_hba.conf';
  SELECT pg_reload_conf() \g /dev/null
\endif

-- A database that was made anew may have the same system identifier as the one that is lost (copies of one template do),
-- and logs of the same names. So each has a name of its own, which its base backups carry.
SELECT coalesce(current_setting('archive.lineage', true), '') = '' AS nameless \gset
\if :nameless
  SELECT to_char(now() AT TIME ZONE 'UTC', 'YYYYMMDD"T"HH24MISS"Z"') AS lineage \gset
  ALTER DATABASE postgres SET archive.lineage = :'lineage';
\else
  SELECT current_setting('archive.lineage') AS lineage \gset
\endif

-- A slot that fell too far behind is of no use any more: the archive has a gap there, and begins anew.
SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots
WHERE slot_name = 'archive' AND wal_status = 'lost' \g /dev/null
SELECT NOT EXISTS (SELECT FROM pg_replication_slots WHERE slot_name = 'archive') AS new \gset
\if :new
  SELECT pg_create_physical_replication_slot('archive', true) \g /dev/null
\endif
SELECT :'lineage', :'new', pg_walfile_name(restart_lsn), extract(epoch FROM clock_timestamp())
FROM pg_replication_slots WHERE slot_name = 'archive';
