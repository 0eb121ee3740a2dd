"""An installation of flamehost whose plugins are the samples and nothing else."""
import json
import os
import pathlib
import shutil
import subprocess
import tempfile


class Installation:
    """A prefix of its own: a copy of the program beside manifests without code."""

    def __init__(self):
        self._prefix = tempfile.TemporaryDirectory()
        self.program = os.path.join(self._prefix.name, "bin", "flamehost")
        plugins = os.path.join(self._prefix.name, "lib", "flamehost", "plugins")
        pathlib.Path(self.program).parent.mkdir()
        shutil.copy(os.environ["FLAMEHOST"], self.program)
        subprocess.run([os.environ["SAMPLE_PLUGINS"], plugins], check=True)

    def close(self):
        self._prefix.cleanup()

    def run(self, *words, cwd=None):
        return subprocess.run([self.program, *words], capture_output=True, text=True, check=False, cwd=cwd,
                              env={"HOME": self._prefix.name})

    def remove_plugin(self, name):
        pathlib.Path(self._prefix.name, "lib", "flamehost", "plugins", f"{name}.flame.json").unlink()


def pipelines():
    """A right pipeline file and many wrong ones, all made for the samples."""
    run = subprocess.run([os.environ["SAMPLE_PLUGINS"], "--pipelines"], check=True, capture_output=True)
    return json.loads(run.stdout)
