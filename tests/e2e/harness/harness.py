"""The worker of the test page: runs Python code for a test and returns the result as JSON.

Names persist from one piece of code to the next, as in a notebook.
"""

import ast
import inspect
import json
import traceback

NAMES: dict = {"__name__": "harness"}


async def run(code: str) -> str:
    """Execute statements (top-level `await` works); return the value of a final expression.

    The result is {"value": ...} or {"error": the traceback}, as JSON.
    """
    try:
        value = None
        tree = ast.parse(code)
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        for node, mode in ((tree, "exec"), (last and ast.Expression(last.value), "eval")):
            if node is not None:
                value = eval(compile(node, "<test>", mode, flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT), NAMES)
                if inspect.iscoroutine(value):
                    value = await value
        return json.dumps({"value": value})
    except BaseException:
        return json.dumps({"error": traceback.format_exc()})


__export__ = ["run"]
