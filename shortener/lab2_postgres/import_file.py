"""`python -m shortener.lab2_postgres.import_file [FILE|-]`: the links of lab 1's file, as they are. Lab 2.

A link that is there already stays as it is, so a second run imports nothing."""

import os
import sys
from pathlib import Path

import psycopg

from shortener.lab1_file.file_store import read_links

INSERT = "INSERT INTO links SELECT * FROM unnest(%s::text[], %s::text[], %s::timestamptz[]) ON CONFLICT DO NOTHING"

if __name__ == "__main__":
    try:
        name = sys.argv[1] if len(sys.argv) > 1 else os.environ["LINKS_FILE"]
        links = read_links(Path("/dev/stdin" if name == "-" else name))
        columns = [[link.id for link in links], [link.url for link in links], [link.created_at for link in links]]
        with psycopg.connect(os.environ["DATABASE_URL"], connect_timeout=5) as connection:
            imported = connection.execute(INSERT, columns).rowcount
        print(f"imported {imported:,} links, {len(links) - imported:,} were there already")
    except KeyError as error:
        sys.exit(f"{error} is not set: set DATABASE_URL, and LINKS_FILE unless you name the file.")
    except FileNotFoundError as error:
        sys.exit(f"Nothing was imported: there is no file {error.filename}.")
    except (ValueError, OSError, psycopg.Error) as error:
        sys.exit(f"Nothing was imported: {str(error).strip().splitlines()[0].replace('/dev/stdin', 'this')}")
