"""64 kinds of bad input: what is said of each, how the command ends, and that nothing is lost."""

import gzip
import os
import shutil
from pathlib import Path

import polars as pl
import pytest
import torch

from relight.cli import main
from relight.runtime.messages import run_for_exit_code
from tests import bad_inputs as make
from tests.bad_inputs import (
    PARAMS,
    READ,
    TABLE,
    Case,
    edited,
    later,
    of_columns,
    of_model,
    of_params,
    of_parquet,
    of_predict,
    of_source,
    of_table,
    of_target,
    of_weight,
    with_row,
    with_xs,
    write,
)

CSV = "data/raw/table.csv"
ABSENT_DEVICE = "mps" if torch.cuda.is_available() else "cuda"
ALIAS_BOMB = "a: &a [x, x]\n" + "\n".join(f"{b}: &{b} [*{a}, *{a}, *{a}]" for a, b in ["ab", "bc", "cd", "de", "ef"])

CATALOGUE = [
    # Parameters
    of_params(1, "misspelt key", "epochs: 2", "epoch: 2", ":19: train.epoch: is unknown; did you mean epochs?"),
    of_params(2, "missing key", "  epochs: 2\n", "", ":17: train.epochs: is missing; add for example `epochs: 1000`"),
    of_params(2, "missing section", "evaluate: {}\n", "", "section evaluate is missing; `relight reference` lists it"),
    of_params(3, "text", "epochs: 2", 'epochs: "10"', ":19: train.epochs: must be a whole number, got the text '10'"),
    of_params(3, "fraction", "epochs: 2", "epochs: 10.5", "train.epochs: must be a whole number, got 10.5"),
    of_params(3, "true", "epochs: 2", "epochs: true", "train.epochs: must be a whole number, got true"),
    of_params(3, "true for a fraction", "train: 0.6", "train: true", "split.train: must be a number, got true"),
    of_params(4, "1e-3", "learning_rate: 0.01", "learning_rate: 1e-3", READ, code=0),
    of_params(4, "1e-3x", "rate: 0.01", "rate: 1e-3x", "learning_rate: must be a number, got the text '1e-3x'"),
    of_params(5, "rate 0", "rate: 0.01", "rate: 0", "train.optimizer.learning_rate: must be > 0, got 0"),
    of_params(5, "rate negative", "rate: 0.01", "rate: -0.1", "learning_rate: must be > 0, got -0.1"),
    of_params(5, "rate nan", "rate: 0.01", "rate: .nan", "learning_rate: must be a finite number, got nan"),
    of_params(5, "rate infinite", "rate: 0.01", "rate: .inf", "learning_rate: must be a finite number, got inf"),
    of_params(6, "no width", "d_block: 256", "d_block: 0", "model.mlp.d_block: must be >= 1, got 0"),
    of_params(6, "width 1e9", "d_block: 256", "d_block: 1000000000", "d_block: must be <= 16384, got 1000000000"),
    of_params(6, "list of widths", "d_block: 256", "d_block: []", "d_block: must be a whole number, got []"),
    of_params(
        7, "key twice", "epochs: 2", "epochs: 2\n  epochs: 3", ":20: train.epochs is given twice (first on line 19)"
    ),
    of_params(8, "tab", "  epochs: 2", "\tepochs: 2", "params.yaml:19:1: a tab cannot indent YAML; use spaces"),
    of_params(8, "broken YAML", "ignore: []", "ignore: [", "params.yaml:7:9: expected ',' or ']', but got ':'"),
    Case(9, "empty", "params.yaml: must be a mapping of sections, got empty", params=""),
    Case(9, "a list", "params.yaml: must be a mapping of sections, got a list", params="- prepare\n"),
    Case(9, "a mapping without sections", "section prepare is missing; `relight reference` lists it", params="{}"),
    of_params(10, "anchor", "epochs: 2", "epochs: &n 2", ":19: anchors and aliases (& and *) are not read"),
    of_params(10, "alias", "epochs: 2", "epochs: *n", ":19: anchors and aliases (& and *) are not read"),
    of_params(10, "tag", "epochs: 2", "epochs: !!python/name:os.system 2", ":19: must have no tag"),
    Case(10, "alias bomb", "params.yaml:1: anchors and aliases (& and *) are not read", params=ALIAS_BOMB),
    Case(11, "latin-1", "params.yaml:3: is not UTF-8", params=edited("target: y", "target: ä").encode("latin-1")),
    Case(11, "byte order mark", READ, 0, params=b"\xef\xbb\xbf" + PARAMS.encode()),
    of_params(
        12, "model", "name: linear", "name: tree", "model.name: must be one of auto, linear_parameters, linear, mlp,"
    ),
    of_params(12, "optimizer", "name: sgd", "name: lion", "train.optimizer.name: must be one of sgd, adam, adamw"),
    of_params(
        12,
        "loss of another task",
        "loss: auto",
        "loss: bce",
        "must be one of auto, mse, l1, huber, quantile, poisson for regression",
    ),
    of_params(13, "sum", "train: 0.6", "train: 0.7", "train + validation + test must be 1, got 1.1"),
    of_params(13, "negative", "validation: 0.2", "validation: -0.2", "split.validation: must be >= 0, got -0.2"),
    of_params(13, "above 1", "train: 0.6", "train: 1.6", "split.train: must be < 1, got 1.6"),
    of_params(
        14, "batch of all rows", "batch_size: full", "batch_size: 64", "64 is more than the 12 train rows", code=0
    ),
    of_params(
        14,
        "batch of none",
        "batch_size: full",
        "batch_size: 0",
        "must be auto, full or a whole number from 1 to 2147483647",
    ),
    of_source(15, "absolute path", "/etc/table.csv", "/etc/table.csv: must be a path inside the repository"),
    of_source(15, "path upwards", "../table.csv", "../table.csv: must be a path inside the repository"),
    of_source(15, "link outwards", "data/raw/link.csv", "link.csv: is a link out of the repository", make.link_out),
    of_source(15, "folder", "data/raw", READ, code=0),
    of_source(15, "folder without tables", "data", "data: has no tables in it (.csv, .tsv, .txt (also as"),
    of_source(
        15,
        "folder of two kinds",
        "data/raw",
        "data/raw: must hold files of one kind, got a.tsv and table.csv",
        write("data/raw/a.tsv", TABLE.replace(",", "\t")),
    ),
    of_source(
        15,
        "folder of other columns",
        "data/raw",
        f"{CSV}: must have the columns of a.csv",
        write("data/raw/a.csv", TABLE.replace("x,c,y", "x,y,c")),
    ),
    of_source(15, "device", "/dev/zero", "/dev/zero: must be a path inside the repository"),
    of_source(15, "pipe", "data/pipe.csv", "is not a regular file", lambda: os.mkfifo("data/pipe.csv")),
    of_source(
        15,
        "other ending",
        "params.sav",
        "must end in .yaml, .csv, .tsv, .txt (also as .gz, .bz2, .xz, .zip), .parquet, .jsonl, .xlsx",
        write("params.sav", TABLE),
    ),
    of_source(15, "long path", "d/" * 3000 + "t.csv", "cannot be read: File name too long"),
    of_params(16, "negative seed", "seed: 42\n  epochs", "seed: -1\n  epochs", "train.seed: must be >= 0, got -1"),
    of_params(
        16,
        "large seed",
        "0.2\n  seed: 42",
        "0.2\n  seed: 4294967296",
        "split.seed: must be <= 4294967295, got 4294967296",
    ),
    of_params(17, "no threads", "threads: 1", "threads: 0", "train.threads: must be >= 1, got 0"),
    of_params(17, "many threads", "threads: 1", "threads: 4096", "train.threads: 4096 is more than the", code=0),
    of_params(
        18, "key that no stage reads", "plot:", "plots:", "params.yaml:27: section plots is unknown; did you mean plot?"
    ),
    # Tables
    of_source(19, "missing", "data/raw/tabel.csv", "data/raw/tabel.csv: no such file in /"),
    of_source(19, "not pulled", "data/t.csv", "run `dvc pull data/t.csv`", write("data/t.csv.dvc", "outs: []\n")),
    of_table(20, "no bytes", "", f"{CSV}: is empty (0 bytes)"),
    of_table(20, "byte order mark alone", b"\xef\xbb\xbf", f"{CSV}: is empty (3 bytes)"),
    of_table(20, "blank lines", "\n\n", f"{CSV}:1: is blank; the first line must name the columns"),
    of_table(21, "header alone", "x,c,y\n", f"{CSV}: has a header but no rows"),
    of_table(21, "header without a line end", "x,c,y", f"{CSV}: has a header but no rows"),
    of_table(21, "header and blank lines", "x,c,y\n\n\n", f"{CSV}: has a header but no rows"),
    of_table(22, "byte order mark", b"\xef\xbb\xbf" + TABLE.encode(), "  x: numeric\n", code=0),
    of_table(23, "UTF-16", TABLE.encode("utf-16"), "written with separator ',', decimal '.', encoding utf-16,", 0),
    of_table(23, "UTF-16 without a mark", TABLE.encode("utf-16-le"), "encoding utf-16-le, names in line 1\n", 0),
    of_table(24, "latin-1", with_row(3, "1,ä,2").encode("latin-1"), "encoding windows-1252, names in line 1\n", 0),
    of_table(24, "Chinese", TABLE.replace("a", "训练集").encode("gb18030"), f"{CSV}:2: is not UTF-8, and its letters"),
    of_table(24, "cut in a letter", (TABLE + "1,ä").encode()[:-1], f"{CSV}:22: byte 0xc3 is not UTF-8"),
    of_table(25, "NUL", with_row(3, "1,\0,2"), f"{CSV}:4: has a NUL byte"),
    of_table(26, "name twice", TABLE.replace("x,c,y", "x,y,y"), f"{CSV}:1: column 'y' occurs 2 times; rename one"),
    of_table(26, "name twice but for spaces", TABLE.replace("x,c,y", "x, y,y"), "column 'y' occurs 2 times"),
    of_table(27, "no name", TABLE.replace("x,c,y", "x, ,y"), f"{CSV}:1: column 2 has no name"),
    of_table(27, "spaces around names", TABLE.replace("x,c,y", " x , c , y "), "  c: categorical\n", code=0),
    of_table(28, "short row", with_row(3, "1,a"), f"{CSV}:4: must have 3 values as the header, got 2"),
    of_table(28, "long row", with_row(3, "1,a,2,3"), f"{CSV}:4: must have 3 values as the header, got 4"),
    of_table(28, "blank line", with_row(3, ""), "19 rows (11 train, 4 validation, 4 test)", code=0),
    of_table(28, "blank lines at the end", TABLE + "\n\n", READ, code=0),
    of_table(29, "quoted newline", with_row(3, '1,"a\nb",2'), READ, code=0),
    of_table(30, "open quote", with_row(3, '1,"a,2'), f"{CSV}:4: a quote opens in this row and is never closed"),
    of_table(30, "text after a quote", with_row(3, '1,"a"b,2'), f"{CSV}:4: a quote closes in the middle of a value"),
    of_table(31, "CR alone", TABLE.replace("\n", "\r"), f"{CSV}:1: a line ends with only a CR; save the file with LF"),
    of_table(
        31, "CR alone once", TABLE.replace("\n", "\r", 2).replace("\r", "\n", 1), f"{CSV}:2: a line ends with only a CR"
    ),
    of_table(31, "CRLF", TABLE.replace("\n", "\r\n"), READ, code=0),
    of_table(32, "semicolons", TABLE.replace(",", ";"), "written with separator ';', decimal '.', encoding utf-8", 0),
    of_table(32, "tabs", TABLE.replace(",", "\t"), "written with separator tab, decimal '.', encoding utf-8", 0),
    of_table(
        33,
        "text after 2000 numbers",
        "\n".join(["x,y", *(f"{k},{k / 2}" for k in range(2500)), "12x,1", ""]),
        f"{CSV}: column 'x' row 2501 must be a number, got '12x'; fix the value or leave it empty; "
        "or, if it holds names, say so: prepare.columns: {x: categorical}",
    ),
    of_table(34, "whole numbers, then fractions", with_xs("1", "2", "3.5"), "  x: numeric\n", code=0),
    of_table(35, "words for a gap", with_xs("1", "NA", "nan", "", "null", "2"), "  x: numeric\n", code=0),
    of_table(
        35,
        "infinite",
        with_xs("1", "2", "-inf"),
        f"{CSV}: column 'x' row 3 is infinite; fix the value or leave it empty",
    ),
    of_table(36, "leading zeros", with_xs("00123", "00124"), "Column 'x' has leading zeros, and was read as", code=0),
    of_table(
        37, "decimal comma", with_xs("1,5", "2,25"), "Column 'x' is read as numbers with ',' before decimals.", code=0
    ),
    of_table(37, "thousands", with_xs("1,234.5", "2,345"), "is read as numbers with ',' between thousands.", code=0),
    of_table(38, "dates", with_xs("2020-01-31", "2020-02-01 12:30"), "  x: datetime\n", code=0),
    of_table(
        38,
        "dates in another custom",
        with_xs("31.01.2020", "01.02.2020"),
        f"{CSV}: column 'x' holds dates or times such as '31.01.2020'; write them as 2020-01-31",
    ),
    of_table(38, "times", with_xs("12:30", "13:45:00"), f"{CSV}: column 'x' holds dates or times such as '12:30'"),
    of_table(
        38,
        "no such day",
        with_xs("2020-02-29", "2020-02-28", "2019-02-29"),
        f"{CSV}: column 'x' row 3 must be a date such as 2020-01-31 or 2020-01-31 12:30:00, got '2019-02-29'",
    ),
    of_columns(38, "dates that are none", "x: datetime", f"{CSV}: column 'x' row 1 must be a date such as 2020-01-31"),
    of_table(38, "beyond int64", with_xs("99999999999999999999", "1"), "  x: numeric\n", code=0),
    of_table(
        39, "huge value", with_row(3, f"1,{'a' * 200_000},2"), f"{CSV}:4: a value has more than 131072 characters"
    ),
    of_table(39, "names of rows", with_xs(*(f"id{k}" for k in range(20))), "add it to prepare.ignore", code=0),
    of_table(
        40, "constant", with_xs("7"), "Column 'x' has the same value in every row; it tells the model nothing", code=0
    ),
    of_table(40, "no values", with_xs(""), "Column 'x' has no values at all; it tells the model nothing", code=0),
    of_params(
        41, "no such target", "target: y", "target: why", "prepare.target: 'why' is not a column of data/raw/table.csv"
    ),
    of_params(
        41, "target ignored", "ignore: []", "ignore: [y]", "prepare.ignore: 'y' is the target, and cannot be ignored"
    ),
    of_params(
        41,
        "slice of no column",
        "evaluate: {}",
        "evaluate: {slices: [cc, y]}",
        "evaluate.slices: 'cc' is not a column; did you mean 'c'?",
    ),
    of_params(41, "no such column", "ignore: []", "ignore: [cc]", "prepare.ignore: 'cc' is not a column of"),
    of_columns(41, "kind of no column", "cc: numeric", "prepare.columns: 'cc' is not a column of data/raw/table.csv"),
    of_columns(41, "kind of the target", "y: numeric", "prepare.columns: 'y' is the target, and its kind follows from"),
    of_columns(41, "unknown kind", "x: number", "prepare.columns.x: must be one of numeric, categorical, boolean"),
    of_columns(
        41,
        "two kinds",
        "c: categorical",
        "prepare.columns: 'c' is categorical here, and is in prepare.ignore as well; delete one",
        ignore="[c]",
    ),
    of_columns(
        41,
        "names as numbers",
        "c: numeric",
        f"{CSV}: column 'c' row 1 must be a number, got 'a'; fix the value or leave it empty; "
        "or change the kind of 'c' in prepare.columns",
    ),
    of_columns(41, "numbers as names", "x: categorical", "  x: categorical\n", code=0),
    of_columns(41, "numbers as true and false", "x: boolean", f"{CSV}: column 'x' row 2 must be true or false, got"),
    of_weight(41, "no such weight", "w", TABLE, "prepare.weight: 'w' is not a column of data/raw/table.csv"),
    of_weight(41, "the target as weight", "y", TABLE, "prepare.weight: 'y' is the target, and cannot be the weight"),
    of_weight(41, "names as weight", "c", TABLE, f"{CSV}: weight 'c' row 1 must be a number, got 'a'"),
    of_weight(41, "negative weight", "x", with_row(3, "-1,a,2"), f"{CSV}: weight 'x' row 3 must be >= 0, got -1"),
    of_weight(41, "missing weight", "x", with_row(3, ",a,2"), f"{CSV}: weight 'x' has 1 missing value (row 3)"),
    of_weight(41, "infinite weight", "x", with_row(3, "inf,a,2"), f"{CSV}: weight 'x' row 3 is infinite"),
    of_weight(41, "no weight at all", "x", with_xs("0"), f"{CSV}: weight 'x' is 0 in every row; some rows must count"),
    of_weight(41, "weight", "x", TABLE, "weight x\n  c: categorical\n", code=0),
    of_params(
        42,
        "distribution of one column",
        "task: auto",
        "task: distribution",
        "prepare.task: distribution needs a list as prepare.target",
    ),
    of_params(
        42,
        "several targets as a number",
        "target: y\n  task: auto",
        "target: [x, y]\n  task: regression",
        "prepare.task: must be auto or distribution with several target columns, got regression",
    ),
    of_params(
        42,
        "shares beyond 1",
        "target: y",
        "target: [x, y]",
        f"{CSV}: the targets x, y must sum to 1 in each row, got 0.25 in row 1",
    ),
    of_params(42, "target twice", "target: y", "target: [y, y]", "prepare.target: must be the name of a column, or"),
    of_target(
        42, "gaps", ["1.5", "", "2.5"], "auto", "target 'y' has 7 missing values (row 2, 5, 8, 11, 14, ...); drop"
    ),
    of_target(42, "text", ["1.5", "cold"], "regression", "must be numbers for a regression, got 'cold'"),
    of_target(42, "one mistake", [*map(str, range(19)), "2o"], "auto", "target 'y' row 20 must be a number, got '2o'"),
    of_target(
        42,
        "dates",
        ["2020-01-31", "2020-02-01"],
        "auto",
        "target 'y' holds dates or times, which a model cannot predict",
    ),
    of_target(42, "infinite", ["1.5", "inf"], "auto", "target 'y' row 2 is infinite"),
    of_target(42, "names of rows", [f"id{k}" for k in range(20)], "auto", "'y' has a different value in every row"),
    Case(
        42,
        "quantity as classes",
        "target 'y' has 30 different numbers, too many for classes; set prepare.task to regression",
        params=edited("task: auto", "task: multiclass"),
        table="\n".join(["x,y", *(f"{k},{k / 4}" for k in range(30)), ""]),
    ),
    of_target(42, "three classes as two", ["a", "b", "c"], "binary", "must have 2 classes for binary, got 3"),
    of_target(43, "one class", ["cat"], "auto", "target 'y' has only one class ('cat'); a model needs two or more"),
    Case(
        43,
        "class of one row",
        "split.method: class 'fox' has 1 row, too few for every part; use method: random",
        params=edited("method: ordered", "method: stratified"),
        table="\n".join(["x,y", *(f"{k},{'cat' if k % 2 else 'dog'}" for k in range(20)), "20,fox", ""]),
    ),
    of_target(
        43, "class without train rows", ["a", "b"] * 6 + ["c"] * 8, "auto", "Class 'c' has no train rows", code=0
    ),
    of_table(
        44, "3 rows", "x,y\n1,1.5\n2,2.5\n3,3\n", "split: part validation gets no rows (train 2, validation 0, test 1)"
    ),
    of_table(44, "1 row", "x,y\n1,1.5\n", "split: part "),
    of_table(45, "twins", "x,y\n" + "1,1.5\n2,2.5\n" * 10, "Rows that stand in more than one part: 2", code=0),
    of_predict(
        46, "unseen category", "x,c\n1,z\n2,\n", "out.csv: 2 predictions of y; 2 categories were missing or", code=0
    ),
    of_predict(46, "missing column", "x,d\n1,a\n", f"{CSV}: column 'c' is missing; its columns are x, d"),
    of_predict(46, "extra column, other order", "d,c,x\n9,a,1\n", "out.csv: 1 prediction of y\n", code=0),
    of_predict(46, "text among numbers", "x,c\n1,a\nhot,b\n", f"{CSV}: column 'x' row 2 must be a number, got 'hot'"),
    of_predict(46, "infinite", "x,c\n1,a\nInfinity,b\n", f"{CSV}: column 'x' row 2 is infinite"),
    of_table(47, "gzip", gzip.compress(TABLE.encode()), f"{CSV}: is not CSV but gzip data; name it .csv.gz"),
    of_source(47, "gzip by its name", "data/t.csv.gz", READ, write("data/t.csv.gz", gzip.compress(TABLE.encode())), 0),
    of_source(
        47,
        "gzip cut short",
        "data/t.csv.gz",
        "data/t.csv.gz: is a damaged gzip file",
        write("data/t.csv.gz", gzip.compress(TABLE.encode())[:-20]),
    ),
    of_source(47, "no gzip", "data/t.csv.gz", "data/t.csv.gz: is a damaged gzip file", write("data/t.csv.gz", TABLE)),
    of_table(47, "Parquet", b"PAR1" + bytes(20), f"{CSV}: is not CSV but Parquet; name it .parquet"),
    of_table(47, "picture", b"\x89PNG\r\n\x1a\n" + bytes(20), f"{CSV}: is not CSV but a picture"),
    of_table(
        47, "Excel", b"PK\x03\x04" + bytes(20), f"{CSV}: is not CSV but a zip or Excel file; save the table as CSV"
    ),
    of_source(
        47, "CSV as Parquet", "data/t.parquet", "data/t.parquet: is not a Parquet file", write("data/t.parquet", TABLE)
    ),
    of_parquet(
        48, "list", {"z": pl.Series([[1, 2]] * 20)}, "column 'z' is of type List(Int64), which a model cannot read"
    ),
    of_parquet(48, "bytes", {"z": pl.Series([b"1"] * 20)}, "column 'z' is of type Binary, which a model cannot read"),
    of_parquet(48, "nothing but gaps", {"z": pl.Series([None] * 20)}, "Column 'z' has no values at all", code=0),
    of_parquet(48, "a list as target", {"y": pl.Series([[1, 2]] * 20)}, "target 'y' is of type List(Int64)"),
    of_parquet(
        48,
        "timestamps",
        {"z": pl.Series([0] * 20).cast(pl.Datetime("us", "UTC"))},
        "  z: datetime\n",
        code=0,
    ),
    of_parquet(48, "durations", {"z": pl.Series([0] * 20).cast(pl.Duration)}, "column 'z' is of type Duration"),
    of_parquet(48, "decimals", {"z": pl.Series(["1.25", "2"] * 10).cast(pl.Decimal(10, 2))}, "  z: numeric\n", code=0),
    of_parquet(
        48, "names alike but for a space", {" x": pl.Series([1.0] * 20)}, "column 'x' occurs 2 times; rename one"
    ),
    of_source(
        48,
        "no rows",
        "data/t.parquet",
        "data/t.parquet: has columns but no rows",
        lambda: pl.DataFrame({"x": [], "y": []}).write_parquet("data/t.parquet"),
    ),
    of_source(
        48,
        "cut short",
        "data/t.parquet",
        "data/t.parquet: is a damaged Parquet file",
        make.all_of(
            lambda: pl.DataFrame({"x": [1.0]}).write_parquet("data/t.parquet"), make.cut_short("data/t.parquet")
        ),
    ),
    of_table(49, "beyond float32", with_xs("1", "1e300"), f"{CSV}: column 'x' row 2 is beyond float32 (1e+300)"),
    of_table(49, "beyond float64", with_xs("1", "1e400"), f"{CSV}: column 'x' row 2 is infinite"),
    of_predict(
        49,
        "answer beyond float32",
        "x,c\n1,a\n-3e38,b\n",
        f"{CSV}: row 2: the model's prediction is not a finite number",
    ),
    # Files and machine
    Case(
        50,
        "no folder to write to",
        "out/p.csv: cannot be written: there is no folder out; make it first",
        command=("predict", CSV, "-o", "out/p.csv"),
    ),
    Case(
        50,
        "a folder in the place",
        "out.csv: cannot be written",
        make=lambda: Path("out.csv").mkdir(),
        command=make.PREDICT,
    ),
    Case(
        50,
        "over the table",
        f"{CSV}: is the table itself, or in it; name another file",
        command=("predict", CSV, "-o", CSV),
    ),
    Case(
        50,
        "over the model",
        "models/model.pth: must end in .csv; name such a file with -o",
        command=("predict", CSV, "-o", "models/model.pth"),
    ),
    of_model(51, "no model", "models/model.pth: cannot be read: No such file", lambda: os.remove("models/model.pth")),
    of_model(51, "empty", "models/model.pth: is damaged or foreign", write("models/model.pth", "")),
    of_model(51, "text", "models/model.pth: is damaged or foreign", write("models/model.pth", "hello")),
    of_model(51, "cut short", "models/model.pth: is damaged or foreign", make.cut_short("models/model.pth")),
    of_model(51, "one bit", "models/model.pth: is damaged or foreign", make.flip_a_bit("models/model.pth", 700)),
    of_model(51, "code inside", "models/model.pth: is damaged or foreign", make.write_weights({"run": os.system})),
    of_model(
        51,
        "of another model",
        "preprocessor.mean is missing; it belongs to another",
        make.write_weights({"w": torch.ones(1)}),
    ),
    of_model(
        51, "other columns", "(1, 3) torch.float32 in the file, (1, 2)", make.edit("models/model.json", '"a",\n', "")
    ),
    of_model(51, "description cut short", "models/model.json: is not JSON", make.cut_short("models/model.json")),
    of_model(
        52,
        "newer format",
        "must be of format 3, got 4",
        make.edit("models/model.json", '\n "format": 3', '\n "format": 4'),
    ),
    Case(
        53,
        "other rows than the model was made with",
        "models/model.pth: must give the outputs that the model had before it was saved",
        code=1,
        make=make.train_on_other_rows,
        command=make.evaluate_model,
    ),
    Case(54, "no metrics", "reports/metrics.json: cannot be read: No such file", command=make.SHOW),
    Case(
        54, "no JSON", "reports/metrics.json: is not JSON", make=write("reports/metrics.json", "{"), command=make.SHOW
    ),
    Case(
        55,
        "diverging",
        "the loss is no longer a number at epoch 0, with learning rate 1e+30",
        code=1,
        params=edited("learning_rate: 0.01", "learning_rate: 1e30"),
        make=make.split_table,
        command=make.train_model,
    ),
    later(56, "port taken", "seen in tests/test_launch.py, which starts several processes"),
    later(57, "killed worker", "seen in tests/test_launch.py, which starts several processes"),
    Case(
        58,
        "absent device",
        f"train.device: {ABSENT_DEVICE} is not available on this machine; set train.device to auto",
        params=edited("device: cpu", f"device: {ABSENT_DEVICE}"),
        make=make.split_table,
        command=make.train_model,
    ),
    Case(
        59,
        "lock cut short",
        ".dvc/tmp/rwlock is cut short or damaged; `relight doctor --fix` fixes 1 of them",
        1,
        make=make.all_of(make.repository, write(".dvc/tmp/rwlock", '{"read": {"')),
        command=("doctor",),
    ),
    Case(
        59,
        "detached HEAD",
        "HEAD is detached; it was on main before a `dvc exp run` that was killed",
        1,
        make=make.all_of(make.repository, make.detach_head),
        command=("doctor",),
    ),
    Case(60, "no repository", "doctor: 2 found: this folder is not in a Git repository, this", 1, command=("doctor",)),
    Case(
        60,
        "no identity",
        "doctor: 1 found: Git has no user.email",
        1,
        make=make.all_of(make.repository, make.forget_email),
        command=("doctor",),
    ),
    Case(60, "not in the repository", "params.yaml: no such file in /", make=lambda: os.remove("params.yaml")),
    later(61, "remote out of reach", "seen in tests/test_sharing.py, which starts real servers"),
    Case(
        62,
        "two trainings at once",
        f"another stage still runs in this folder (train, pid {os.getpid()})",
        1,
        command=make.train_twice_at_once,
    ),
    Case(63, "dates in the future", READ, 0, make=make.date_into_the_future),
    of_source(
        64,
        "spaces, quotes, brackets",
        "\"data/a 'b' [1]* $x.csv\"",
        READ,
        write("data/a 'b' [1]* $x.csv", TABLE),
        code=0,
    ),
    of_source(64, "a newline", '"data/a\\nb.csv"', READ, write("data/a\nb.csv", TABLE), code=0),
    of_source(64, "254 bytes", f"data/{'é' * 125}.csv", READ, write(f"data/{'é' * 125}.csv", TABLE), code=0),
]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """model.pth and model.json of the good workspace."""
    root = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        for path, content in (("params.yaml", PARAMS), (CSV, TABLE)):
            write(path, content)()
        Path("models").mkdir()
        make.split_table()
        make.train_model()
    return root / "models"


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(case, id=f"{case.number} {case.name}", marks=[pytest.mark.skip(case.skip)] if case.skip else [])
        for case in CATALOGUE
    ],
)
def test_a_bad_input_gets_one_clear_message_and_loses_nothing(
    case: Case,
    models: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    workspace = tmp_path / "workspace"
    shutil.copytree(models, workspace / "models")
    monkeypatch.chdir(workspace)
    write("params.yaml", case.params)()
    write(CSV, case.table)()
    case.make()
    before = everything_in(tmp_path)
    capsys.readouterr()

    command = case.command
    code = run_for_exit_code(command, "train") if callable(command) else main(list(command))

    said, complained = capsys.readouterr()
    assert (code, complained) == (case.code, complained)
    assert case.says in (said if code == 0 else complained)
    assert "Traceback" not in complained
    assert (code == 0) == (complained == "")
    written = {"workspace/out.csv"} if code == 0 and command == make.PREDICT else set()
    after = everything_in(tmp_path)
    assert set(after) - set(before) == written
    assert {path: after[path] for path in before} == before


def everything_in(root: Path) -> dict[str, bytes]:
    """Every file with its bytes; what is no regular file, without."""
    return {str(p.relative_to(root)): p.read_bytes() if p.is_file() else b"" for p in sorted(root.rglob("*"))}


def test_every_number_of_the_catalogue_has_a_row() -> None:
    assert sorted({case.number for case in CATALOGUE}) == list(range(1, 65))


def test_all_that_is_wrong_is_said_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    spoilt = edited("plot: {dpi: 150}", "plot: {dpi: 7}", edited("threads: 1", "thread: 1"))
    write("params.yaml", spoilt)()
    write(CSV, with_xs("31.01.2020").replace("c,y", "c,z"))()
    assert main(["check"]) == 2
    assert capsys.readouterr().err == (
        "error: params.yaml:17: train.threads: is missing; add for example `threads: 1`\n"
        "error: params.yaml:25: train.thread: is unknown; did you mean threads?\n"
        "error: params.yaml:27: plot.dpi: must be >= 30, got 7\n"
        "error: prepare.target: 'y' is not a column of data/raw/table.csv; its columns are x, c, z\n"
        "error: data/raw/table.csv: column 'x' holds dates or times such as '31.01.2020'; "
        "write them as 2020-01-31 or 2020-01-31 12:30:00, or add the column to prepare.ignore\n"
    )
