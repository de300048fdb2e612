"""What Evidently and NannyML flag by default: run in an environment of their own.

`python drift_others.py STREAMS.npz`: of each case a reference and a window, one column
a stream. Prints one line of JSON a case: how many columns each has flagged.
"""

import json
import sys
import warnings

import numpy as np
import pandas as pd


def main(path):
    warnings.simplefilter("ignore")
    cases = np.load(path)
    for name in sorted({each.rpartition("/")[0] for each in cases.files}):
        reference, window = (
            pd.DataFrame(
                cases[f"{name}/{part}"],
                columns=[f"c{i}" for i in range(cases[f"{name}/{part}"].shape[1])],
            )
            for part in ("reference", "window")
        )
        print(
            json.dumps(
                {
                    "case": name,
                    "evidently": evidently(reference, window),
                    "nannyml": nannyml(reference, window),
                }
            ),
            flush=True,
        )


def evidently(reference, window):
    """Columns that DataDriftPreset calls drifted, by the method it takes itself."""
    from evidently import Report
    from evidently.presets import DataDriftPreset

    found = Report([DataDriftPreset()]).run(window, reference).dict()["metrics"]
    flagged = 0
    for metric in found:
        config = metric["config"]
        if "ValueDrift" not in config["type"]:
            continue
        low, limit = "p_value" in config["method"], config["threshold"]
        flagged += metric["value"] < limit if low else metric["value"] >= limit
    return int(flagged)


def nannyml(reference, window):
    """Columns that UnivariateDriftCalculator alerts on, one chunk as large as ours."""
    import nannyml as nml

    names = list(reference.columns)
    calculator = nml.UnivariateDriftCalculator(
        column_names=names, chunk_size=len(window)
    )
    calculator.fit(reference)
    found = calculator.calculate(window).filter(period="analysis").to_df()
    alerts = [each for each in found.columns if each[-1] == "alert"]
    return int(sum(bool(found[each].iloc[0]) for each in alerts))


if __name__ == "__main__":
    main(sys.argv[1])
