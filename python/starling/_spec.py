"""Specs written as Python values: a dict becomes TOML, a keyword becomes an override."""

import json
import os
import re

import numpy as np


def _key(name):
    if not isinstance(name, str):
        raise ValueError(f"spec: key {name!r} is not text")
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else _text(name)


def _text(value):
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def toml_value(value, place):
    """A TOML value; ValueError names the place of what TOML cannot say."""
    if isinstance(value, (np.generic, np.ndarray)):
        value = value.tolist()
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, (str, os.PathLike)):
        return _text(os.fspath(value))
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(toml_value(item, place) for item in value) + "]"
    raise ValueError(f"{place}: {value!r} is a {type(value).__name__}; expected text, a number, a truth value or a list")


def to_toml(spec, prefix=()):
    """The dict as TOML text: plain keys first, then a section for every nested dict."""
    lines, sections = [], []
    for name, value in spec.items():
        path = (*prefix, _key(name))
        if isinstance(value, dict):
            sections.append(f"[{'.'.join(path)}]\n" + to_toml(value, path))
        else:
            lines.append(f"{path[-1]} = {toml_value(value, '.'.join(path))}\n")
    return "".join(lines + sections)


def to_overrides(keywords):
    """{"train__steps": 10} as ["train.steps=10"]."""
    out = []
    for name, value in keywords.items():
        key = name.replace("__", ".")
        out.append(f"{key}={toml_value(value, key)}")
    return out
