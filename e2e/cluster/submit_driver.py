"""`submit_driver.py SETTINGS`: creates the driver pod of a Spark application through spark-submit's cluster mode and returns.

SETTINGS: JSON object of Spark settings, the pod templates' files included.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pyspark

APPLICATION = "local:///opt/spark/code/application.py"


def main(settings: dict[str, str]) -> int:
    """Spark's exit code."""
    submit = Path(pyspark.__file__).parent / "bin" / "spark-submit"
    conf = [word for key, value in settings.items() for word in ("--conf", f"{key}={value}")]
    wait = ["--conf", "spark.kubernetes.submission.waitAppCompletion=false"]
    return subprocess.run([str(submit), "--deploy-mode", "cluster", *conf, *wait, APPLICATION], check=False).returncode


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[1])))
