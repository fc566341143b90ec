"""A run's configuration in layers, every value with the place it came from.

Lowest first: the schema's defaults, the package's ``overall.yaml``, ``model/<model>.yaml`` and
``dataset/<dataset>.yaml``, the user's config files in order, the keywords given to ``run()``, the command line.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from talkingface.data.datasets import dataset_folder
from talkingface.errors import OptionError
from talkingface.evaluation.registry import check_metrics
from talkingface.models.base import TalkingFaceModel
from talkingface.models.registry import load_model
from talkingface.option_arguments import OptionParser, add_options, given_options
from talkingface.option_fields import find_field, option_fields, plain_value
from talkingface.options import ToolkitOptions

DEFAULT_ORIGIN = "default"
RUN_PROGRAM = "talkingface run"


@dataclass(frozen=True)
class Layer:
    """Some values and where they came from.

    Attributes:
        origin: Such as ``my.yaml`` or ``command line``.
        values: Option name -> value as YAML or Python gave it, or as the command line parsed it.
    """

    origin: str
    values: Mapping[str, Any]


@dataclass(frozen=True)
class Configuration:
    """A run's resolved options.

    Attributes:
        options: Every value, checked. Of the model's own ``options_class``.
        origins: Option name -> where its value came from.
        model: The model, built and ready for ``prepare``.
    """

    options: ToolkitOptions
    origins: Mapping[str, str]
    model: TalkingFaceModel

    def to_yaml(self) -> str:
        """Return the options as a YAML file that gives this very run again, the origins as comments."""
        import yaml

        lines = []
        for name in option_fields(type(self.options)):
            value = plain_value(getattr(self.options, name))
            # A list stays on its line; the mapping around it must not become "{...}".
            text = yaml.safe_dump([value], default_flow_style=True, width=10**6, allow_unicode=True).strip()[1:-1]
            lines.append(f"{name}: {text}  # {self.origins[name]}\n")
        return "".join(lines)

    def to_json(self) -> dict[str, Any]:
        """Return ``{name: {"value": ..., "origin": ...}}``."""
        return {
            name: {"value": plain_value(getattr(self.options, name)), "origin": self.origins[name]}
            for name in option_fields(type(self.options))
        }


def configure(
    config_files: Sequence[str | Path] = (),
    keywords: Mapping[str, Any] | None = None,
    arguments: Sequence[str] = (),
) -> Configuration:
    """Resolve a run's options from all layers.

    Args:
        config_files: YAML files; later ones win.
        keywords: What Python gave to ``run()``, ``model`` and ``dataset`` included.
        arguments: Command-line tokens: ``--key=value`` or ``--key value``, and ``-m``, ``-d``, ``--config_files``.

    Raises:
        OptionError: for a key, model, dataset, metric or value that is not valid, or a file that cannot be read. The
            message names the place and the nearest valid names.
    """
    # The model is settled first: it may bring options of its own, which every layer and the command line may then use.
    early = _early_arguments(arguments)
    files = [*config_files, *split_names(early.config_files)]
    overall = _built_in("overall")
    above = [*(Layer(str(file), read_yaml(Path(file))) for file in files), Layer("run()", dict(keywords or {}))]
    model_name = getattr(early, "model", None) or _last([overall, *above], "model", ToolkitOptions.model)
    model = load_model(model_name)
    schema = model.options_class
    above.append(Layer("command line", given_options(run_parser(RUN_PROGRAM, schema).parse(arguments), schema)))
    below = [overall, _built_in(f"model/{model_name}")]
    dataset_name = _last([*below, *above], "dataset", ToolkitOptions.dataset)
    below.append(_built_in(f"dataset/{dataset_name}"))
    values: dict[str, Any] = {}
    origins = dict.fromkeys(option_fields(schema), DEFAULT_ORIGIN)
    for layer in (*below, *above):
        for key, value in layer.values.items():
            field = find_field(schema, str(key), where=f" in {layer.origin}")
            place = f"{field.name} in {layer.origin}"
            # A YAML text is read by the option's own type: "1e-4" and "18" are texts to YAML in places where we want
            # numbers, and nothing but the type may decide.
            values[field.name] = field.parse(value, place) if isinstance(value, str) else field.check(value, place)
            origins[field.name] = layer.origin
    options = schema(**{**values, "model": model_name, "dataset": dataset_name})
    check_metrics(options.metrics)
    dataset_folder(options.dataset, options.dataset_dir)
    return Configuration(options, origins, model)


def run_parser(program: str, schema: type[ToolkitOptions] = ToolkitOptions, description: str = "") -> OptionParser:
    """Return the parser of ``run_talkingface.py`` and ``talkingface run``."""
    parser = OptionParser(program, description)
    parser.add_argument(
        "--config-files",
        nargs="+",
        action="extend",
        default=[],
        metavar="FILE",
        help="YAML files, separated by spaces or commas; later ones win",
    )
    parser.add_argument(
        "--show-config",
        action="store_true",
        help="Print every value and where it comes from, and stop",
    )
    add_options(parser, schema, switches_take_values=True)
    return parser


def split_names(texts: Sequence[str]) -> list[str]:
    """Split texts at commas and spaces, as in ``--config_files "a.yaml b.yaml"``. A file that exists is kept whole."""
    names: list[str] = []
    for text in texts:
        names += [text] if Path(text).is_file() else text.replace(",", " ").split()
    return names


def read_yaml(path: Path) -> dict[str, Any]:
    """Read a flat YAML mapping of option names to values.

    Raises:
        OptionError: when the file cannot be read, is not YAML, is no mapping, or has a key twice.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise OptionError(f"config file {path}: cannot be read: {reason}") from None
    return _parse_yaml(text, f"config file {path}")


def _parse_yaml(text: str, where: str) -> dict[str, Any]:
    import yaml

    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise OptionError(f"{where}: is not YAML: {' '.join(str(error).split())}") from None
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise OptionError(f"{where}: must hold lines of 'key: value'")
    keys = [str(key.value) for key, _ in node.value] if isinstance(node, yaml.MappingNode) else []
    twice = sorted({key for key in keys if keys.count(key) > 1})
    if twice:
        raise OptionError(f"{where}: the key {twice[0]!r} is there twice")
    return {str(key): value for key, value in content.items()}


def _built_in(name: str) -> Layer:
    """Read one of the package's own files; a model or dataset need not have one."""
    origin = f"built-in {name}.yaml"
    resource = resources.files("talkingface").joinpath("properties", *f"{name}.yaml".split("/"))
    return Layer(origin, _parse_yaml(resource.read_text(encoding="utf-8"), origin) if resource.is_file() else {})


def _early_arguments(arguments: Sequence[str]) -> argparse.Namespace:
    """Parse what every model's command line has; options that only one model has are passed over for now."""
    namespace, _ = run_parser(RUN_PROGRAM).parse_known(arguments)
    return namespace


def _last(layers: Sequence[Layer], key: str, default: str) -> str:
    found = [layer.values[key] for layer in layers if key in layer.values]
    return str(found[-1]) if found else default
