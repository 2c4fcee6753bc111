"""List the benchmarks, each with the first line of its docstring: bin/bench without a name."""

import pkgutil
from importlib import import_module

import benchmarks


def main() -> None:
    print("bin/bench NAME [options]; bin/bench NAME --help lists the options.\n")
    for module in pkgutil.iter_modules(benchmarks.__path__):
        if module.ispkg and module.name != "tests":
            about = import_module(f"benchmarks.{module.name}").__doc__ or ""
            print(f"  {module.name:<10}  {about.splitlines()[0]}")


if __name__ == "__main__":
    main()
