"""Runs the statements of a JSON file with DuckDB; prints rows as objects."""

import json
import sys

import duckdb

connection = duckdb.connect()
connection.execute("SET threads = 1")
answers = []
with open(sys.argv[1]) as file:
    for statement in json.load(file):
        found = connection.execute(statement)
        names = [column[0] for column in found.description]
        answers.append([dict(zip(names, row)) for row in found.fetchall()])
json.dump(answers, sys.stdout)
