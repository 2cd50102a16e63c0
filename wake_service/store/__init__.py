"""What survives: tables, migrations, transactions."""
