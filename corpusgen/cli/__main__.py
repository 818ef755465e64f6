"""python -m corpusgen.cli"""

from corpusgen.cli import main

if __name__ == "__main__":
    main()
