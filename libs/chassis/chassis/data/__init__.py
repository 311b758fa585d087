"""PostgreSQL: transactions with a tenant, column types, the tables each service has, migrations."""
