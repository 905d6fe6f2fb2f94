"""What CPython says about Python files: one JSON line each, for scripts/test-python-grammar.ts."""

import ast
import hashlib
import io
import json
import sys
import tokenize
import warnings
from collections.abc import Iterator
from pathlib import Path


def shortened(text: str) -> str:
    """A digest of a text, by its code points: lone surrogates have no UTF-8."""
    return hashlib.md5(".".join(str(ord(character)) for character in text).encode(), usedforsecurity=False).hexdigest()


def marks(tree: ast.AST) -> Iterator[str]:
    """What the tree must hold: names, attributes and texts, each with its line."""
    inside: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            yield f"{node.lineno} name {node.id}"
        elif isinstance(node, ast.Attribute):
            yield f"{node.end_lineno} attribute {node.attr}"
        elif isinstance(node, ast.JoinedStr):
            inside.update(node.values)
            if all(isinstance(value, ast.Constant) for value in node.values):
                text = "".join(str(value.value) for value in node.values if isinstance(value, ast.Constant))
                yield f"{node.lineno} text {shortened(text)}"
        elif isinstance(node, ast.Constant) and node not in inside:
            if isinstance(node.value, str):
                yield f"{node.lineno} text {shortened(node.value)}"
            elif isinstance(node.value, bytes):
                yield f"{node.lineno} text {shortened(node.value.decode('latin-1'))}"


def main(folders: list[str]) -> None:
    warnings.simplefilter("ignore")
    sys.setrecursionlimit(10_000)
    for folder in folders or [str(Path(ast.__file__).parent)]:
        for path in sorted(Path(folder).rglob("*.py")):
            if "site-packages" in path.relative_to(folder).parts:
                continue
            content = path.read_bytes()
            try:
                encoding, _ = tokenize.detect_encoding(io.BytesIO(content).readline)
                text = content.decode(encoding)
            except (SyntaxError, UnicodeDecodeError, LookupError):
                continue  # No text: a ConfigMap cannot hold it.
            try:
                tree = ast.parse(content)
            except (SyntaxError, ValueError) as error:
                print(json.dumps({"path": str(path), "text": text, "refused": str(error)}))
            else:
                print(json.dumps({"path": str(path), "text": text, "marks": sorted(set(marks(tree)))}))


if __name__ == "__main__":
    main(sys.argv[1:])
