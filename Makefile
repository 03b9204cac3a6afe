# Two commands on a fresh machine: make demo, make test. Needs Python >= 3.11 and make; sets up the rest by itself.
SHELL := bash
PYTHON ?= python3
WAREHOUSE ?= warehouse
AS_OF ?= 2018-01-01
SOURCE ?= complete_journey
LINES ?= 20000000
ROWS ?= 500000
CUSTOMERS ?= 100000
ROUNDS ?= 5
PORT ?= 10000
BI_PORT ?= 8088
AUDIENCE ?= analysts
RAW := build/raw/complete_journey
SHORT := not faults and not long and not airflow and not bi

export PATH := $(CURDIR)/.venv/bin:$(PATH)
unexport SPARK_HOME PYTHONPATH
SUBMIT := spark-submit --properties-file conf/spark/local.conf
# Two lines that Java and MLlib print whatever one does; everything else on standard error is shown.
QUIET := 2> >(grep --line-buffered -v -e 'Using incubator modules' -e 'netlib-blas' >&2)
VENV := .venv/.installed
JARS := build/jars/.resolved
SUPERSET := build/superset/.installed

.PHONY: help setup demo new-source sql sql-server bi docs notebooks cluster test test-with-demo test-without-demo test-faults test-long test-airflow test-bi bench-features bench-sweep bench-validity bench-drift bench-scenarios bench-monthly bench-sql check format wheel clean

help:
	@echo "make demo   raw transactions to published segments on real data (WAREHOUSE=dir AS_OF=date to choose, RESTATE=1 to do it anew)"
	@echo "make test   all checks and tests"
	@echo "make sql    a SQL prompt on the warehouse (SOURCE=name where it is not the demo's)"
	@echo "make sql-server  the same for BI tools: jdbc:hive2://127.0.0.1:10000 (PORT=n, AUDIENCE=everyone for aggregates alone)"
	@echo "make bi     dashboards in a Superset of its own, on what make sql-server serves: http://127.0.0.1:8088 (BI_PORT=n)"
	@echo "make docs   the reference of metrics, tables, marts, segments and decisions, in build/docs"
	@echo "make notebooks  runs notebooks/ on a warehouse, and keeps what they show in build/notebooks"
	@echo "make new-source NAME=shop FILES=dir  a first draft of conf/sources/shop.yml (CURRENCY=EUR TIME_ZONE=Europe/Berlin)"
	@echo "make cluster  a Spark standalone master and two workers on this machine, spark://127.0.0.1:7077, until Ctrl-C"
	@echo "make check  ruff, mypy, import-linter    make format  ruff's formatter    make wheel  build/dist/*.whl"
	@echo "make test-faults  kills jobs at every step; minutes long    make test-long  more of what make test shows"
	@echo "make test-bi  every chart of the dashboards in a real Superset, on a made-up retailer and on the demo's data"
	@echo "make test-airflow  runs the DAG of conf/deploy in a real Airflow, in an environment of its own under build/"
	@echo "make bench-features  the speed of features as ratios, half an hour (LINES=2000000 ROUNDS=1 to try)"
	@echo "make bench-sweep     the speed of the k sweep as ratios, two hours (ROWS=50000 ROUNDS=1 to try, ONLY=six for a part)"
	@echo "make bench-validity  what segments explain of next-period spend, beside RFM, ten minutes (STUDIES=cdnow to try)"
	@echo "make bench-drift     false alarms and power of the drift report, on the customers of a warehouse (WAREHOUSE=dir)"
	@echo "make bench-scenarios months of a made-up retailer from files to verdict in every scenario, three hours (ONLY=christmas)"
	@echo "make bench-monthly   what a month costs: scoring, drift report, a year at once (CUSTOMERS=10000 ROUNDS=1 to try)"
	@echo "make bench-sql       marts through the SQL server against the same queries in its own session (WAREHOUSE=dir)"
	@echo "make clean  removes build/ and .venv/"

setup: $(VENV) $(JARS)

$(VENV): pyproject.toml conf/constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "error: Python >= 3.11 is needed, $$($(PYTHON) --version) found. Name another with make PYTHON=python3.12"; exit 2; }
	@.ci/java
	@.venv/bin/python -m pip --version > /dev/null 2>&1 || { rm -rf .venv; $(PYTHON) -m venv .venv; } || { echo "error: python3 -m venv does not work; on Debian and Ubuntu install python3-venv"; exit 2; }
	@echo "Installing into .venv (a minute or two, once) …"
	@.venv/bin/python -m pip install --quiet --disable-pip-version-check -c conf/constraints.txt -e '.[demo,notebooks,dev]'
	@touch $@

$(JARS): $(VENV) conf/spark/ivy.xml conf/spark/ivysettings.xml
	@echo "Fetching Delta's JARs into build/jars (13 MB, once) …"
	@rm -rf build/jars && mkdir -p build/jars
	@"$${JAVA_HOME:+$$JAVA_HOME/bin/}java" -cp "$$(python -c 'import pathlib, pyspark; print(pathlib.Path(pyspark.__file__).parent)')/jars/*" org.apache.ivy.Main -error -settings conf/spark/ivysettings.xml -ivy conf/spark/ivy.xml -retrieve 'build/jars/[artifact]-[revision].[ext]' > build/ivy.log 2>&1 || { cat build/ivy.log; echo "error: Delta's JARs could not be fetched; is Maven Central within reach?"; exit 2; }
	@touch $@

demo: setup
	@segmentation demo-data --out $(RAW)
	@$(SUBMIT) jobs/monthly.py --source complete_journey --input $(RAW) --as-of $(AS_OF) --warehouse "$(WAREHOUSE)" $(if $(RESTATE),--restate) $(QUIET)

new-source: setup
	@segmentation new-source --name "$(NAME)" --files "$(FILES)" $(if $(CURRENCY),--currency "$(CURRENCY)") $(if $(TIME_ZONE),--time-zone "$(TIME_ZONE)")

sql: setup
	@segmentation catalog --source $(SOURCE) --warehouse "$(WAREHOUSE)" --out build/catalog.sql $(QUIET)
	@spark-sql --properties-file conf/spark/local.conf -i build/catalog.sql $(QUIET)

sql-server: setup
	@$(SUBMIT) jobs/sql_server.py --source $(SOURCE) --warehouse "$(WAREHOUSE)" --port $(PORT) --audience $(AUDIENCE) $(QUIET)

docs: setup
	@segmentation docs --out build/docs

bi: setup $(SUPERSET)
	@conf/bi/superset/serve build/superset build/superset-home $(BI_PORT) $(PORT)

# An environment of its own: Superset pins what the library does not. PyHive is its own choice of a driver for Spark.
$(SUPERSET): Makefile
	@echo "Installing Superset into build/superset (two minutes, once) …"
	@rm -rf build/superset && $(PYTHON) -m venv build/superset && build/superset/bin/python -m pip install --quiet --disable-pip-version-check \
	'apache-superset>=6.1,<6.2' 'flask-caching==2.3.1' rich Pillow cachetools 'pyhive==0.7.0' thrift thrift-sasl pure-sasl
	@touch $@

notebooks: setup
	@mkdir -p build/notebooks
	@for notebook in notebooks/*.ipynb; do echo "$$notebook"; \
	WAREHOUSE="$(abspath $(WAREHOUSE))" jupyter execute "$$notebook" --output "../build/$$notebook" $(QUIET) || exit 1; done

cluster: setup
	@trap 'kill $$(jobs -p)' INT TERM EXIT; export SPARK_LOCAL_IP=127.0.0.1 PYSPARK_PYTHON="$(CURDIR)/.venv/bin/python"; cd build; \
	spark_class="$$(python -c 'import pathlib, pyspark; print(pathlib.Path(pyspark.__file__).parent)')/bin/spark-class"; \
	"$$spark_class" org.apache.spark.deploy.master.Master --host 127.0.0.1 --port 7077 & \
	for i in 1 2; do "$$spark_class" org.apache.spark.deploy.worker.Worker spark://127.0.0.1:7077 --host 127.0.0.1 --cores 1 --memory 3g --work-dir work/$$i & done; wait

check: setup
	ruff format --check . && ruff check .
	mypy
	lint-imports

format: setup
	ruff format . && ruff check --fix .

# Two halves at once, each with a Spark of its own: one alone leaves a core idle.
test: check
	@$(MAKE) --no-print-directory -j2 test-with-demo test-without-demo

test-with-demo: setup
	pytest -m 'with_demo and $(SHORT)'

test-without-demo: setup
	pytest -m 'not with_demo and $(SHORT)'

test-faults: setup
	pytest -m faults

# And what make demo leaves of the whole data.
test-long: setup
	pytest -m long
	pytest --whole-demo tests/jobs/test_demo.py tests/features/test_oracle_real.py

# An environment of its own: Airflow pins what the library does not.
test-airflow: setup
	@[ -x build/airflow/bin/airflow ] || { echo "Installing Airflow into build/airflow (two minutes, once) …"; \
	$(PYTHON) -m venv build/airflow && build/airflow/bin/python -m pip install --quiet --disable-pip-version-check 'apache-airflow>=3.3,<3.4'; }
	pytest -m airflow

# Installs and starts a Superset, and looks at every chart in Chromium: ten minutes.
test-bi: setup $(SUPERSET)
	pytest -m bi

bench-features: setup
	@PYSPARK_SUBMIT_ARGS="--properties-file conf/spark/local.conf pyspark-shell" python -m tests.benchmarks.features --lines $(LINES) --rounds $(ROUNDS) $(QUIET)

bench-sweep: setup
	@PYSPARK_SUBMIT_ARGS="--properties-file conf/spark/local.conf pyspark-shell" python -m tests.benchmarks.sweep --rows $(ROWS) --rounds $(ROUNDS) $(if $(ONLY),--only $(ONLY)) $(QUIET)

bench-validity: setup
	@PYSPARK_SUBMIT_ARGS="--properties-file conf/spark/local.conf pyspark-shell" python -m tests.benchmarks.validity $(if $(STUDIES),--studies $(STUDIES)) $(QUIET)

bench-drift: setup
	@PYSPARK_SUBMIT_ARGS="--properties-file conf/spark/local.conf pyspark-shell" python -m tests.benchmarks.drift --warehouse "$(WAREHOUSE)" $(QUIET)

bench-scenarios: setup
	@PYSPARK_SUBMIT_ARGS="--properties-file conf/spark/local.conf pyspark-shell" python -m tests.benchmarks.scenarios $(if $(ONLY),--only $(ONLY)) $(QUIET)

bench-sql: setup
	@PYSPARK_SUBMIT_ARGS="--properties-file conf/spark/local.conf pyspark-shell" python -m tests.benchmarks.sql --warehouse "$(WAREHOUSE)" $(QUIET)

bench-monthly: setup
	@PYSPARK_SUBMIT_ARGS="--properties-file conf/spark/local.conf pyspark-shell" python -m tests.benchmarks.monthly --customers $(CUSTOMERS) --rounds $(ROUNDS) $(QUIET)

wheel: setup
	@rm -rf build/lib  # it would keep modules that are gone
	python -m build --wheel --outdir build/dist . > build/wheel.log 2>&1 || { cat build/wheel.log; exit 1; }
	@ls build/dist/*.whl

clean:
	rm -rf build .venv *.egg-info
