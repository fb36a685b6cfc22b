# The front door. Logic sits in xtask and in the binary; this file only names it.
#   make demo [ARGS=--once]    make test [CI=1]    make lint    make bench    make build    make dist    make fmt    make crash [N=20]
#   make soak [SEEDS=1000] [FROM=1000]    make fuzz [SECONDS=60]
.PHONY: demo test bench lint build dist fmt crash soak fuzz

ARGS ?=
N ?= 20
SEEDS ?= 1000
FROM ?= 1000
SECONDS ?= 60

# Builds, starts on an embedded database with the sandbox, plays one conversation, serves until stopped.
demo: build
	target/release/trunkline demo $(ARGS)

# Everything: format, lints, house rules, all tests, the foreign clients. CI=1: a skip is a failure.
test:
	CI="$(CI)" cargo xtask test

bench:
	cargo xtask bench $(ARGS)

# Format, lints and house rules only.
lint:
	cargo xtask lint

# Leaves the product at target/release/trunkline.
build:
	cargo build --release --locked --package server

# Leaves the product as it is shipped at target/dist/trunkline.
dist:
	cargo build --profile dist --locked --package server

fmt:
	cargo fmt --all

# Kills a busy server N times and compares ledgers.
crash:
	cargo xtask crash $(N)

# Plays SEEDS further histories of the simulation, from the seed FROM on.
soak:
	cargo xtask soak $(SEEDS) $(FROM)

# Runs each fuzz target for SECONDS, on its seeds and what earlier runs learned. A finding fails it.
fuzz:
	cargo xtask fuzz $(SECONDS)
