-- Roles, database and extension of COGEP Assist. Run once per cluster by a superuser through psql; safe to run again.
--
-- Passwords come from psql variables (-v owner_password=…) or, when those are not set, from the environment, which is
-- how the entry point of the pgvector image runs this file. There is no default: a missing one stops the script.

\set ON_ERROR_STOP on

\if :{?database}
\else
  \set database cogep
\endif
\if :{?owner_password}
\else
  \getenv owner_password COGEP_OWNER_PASSWORD
\endif
\if :{?app_password}
\else
  \getenv app_password COGEP_APP_PASSWORD
\endif
\if :{?worker_password}
\else
  \getenv worker_password COGEP_WORKER_PASSWORD
\endif

-- cogep_owner  migrates: owns every schema and table
-- cogep_app    serves requests: row-level security applies, it owns nothing
-- cogep_worker relays, consumes and claims jobs: crosses tenants only where a policy names it
SELECT format('CREATE ROLE %I', name)
FROM unnest(ARRAY['cogep_owner', 'cogep_app', 'cogep_worker']) AS name
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name)
\gexec

ALTER ROLE cogep_owner LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS NOREPLICATION PASSWORD :'owner_password';
ALTER ROLE cogep_app LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS NOREPLICATION PASSWORD :'app_password';
ALTER ROLE cogep_worker LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS NOREPLICATION PASSWORD :'worker_password';

SELECT format('CREATE DATABASE %I', :'database')
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'database')
\gexec

REVOKE ALL ON DATABASE :"database" FROM PUBLIC;
GRANT CONNECT, CREATE ON DATABASE :"database" TO cogep_owner;
GRANT CONNECT ON DATABASE :"database" TO cogep_app, cogep_worker;
ALTER DATABASE :"database" SET timezone TO 'UTC';

\connect :"database"

CREATE EXTENSION IF NOT EXISTS vector WITH SCHEMA public;
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
