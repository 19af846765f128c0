import torch

from relight.export.sequences import ExportableSequences, sequences_program
from relight.model.build import build_model
from relight.model.params import ModelName, ModelParams
from tests.model.test_sequences import features


def answering(name: ModelName) -> ExportableSequences:
    torch.manual_seed(0)
    model = build_model(ModelParams(name=name, numeric="standardize"), features(), target_scale="none")
    return ExportableSequences(model, features()).eval()


def test_answers_are_shares_and_what_follows_a_sequence_says_nothing() -> None:
    model, lengths = answering("convolution"), torch.tensor([2, 1])
    numeric, codes = torch.randn(2, 3, 1), torch.ones(2, 3, 1, dtype=torch.int32)
    shares = model(lengths, numeric, codes)
    assert shares.shape == (2, 3)
    torch.testing.assert_close(shares.sum(dim=1), torch.ones(2))
    numeric[0, 2], numeric[1, 1:] = 99, torch.nan
    torch.testing.assert_close(model(lengths, numeric, codes), shares)


def test_an_input_that_is_left_out_is_one_without_columns() -> None:
    known = features().model_copy(update={"categorical": []})
    torch.manual_seed(0)
    model = build_model(ModelParams(name="gru", numeric="standardize"), known, target_scale="none")
    answers, numeric = ExportableSequences(model, known).eval(), torch.randn(1, 3, 1)
    none = torch.zeros(1, 3, 0, dtype=torch.int32)
    assert torch.equal(answers(torch.tensor([3]), numeric), answers(torch.tensor([3]), numeric, none))


def test_the_length_of_recurrent_layers_is_that_of_the_longest_train_sequence() -> None:
    program = sequences_program(answering("gru"), features(), 3)
    shapes = {node.name: node.meta["val"].shape for node in program.graph.nodes if node.op == "placeholder"}
    assert isinstance(shapes["numeric"][0], torch.SymInt)
    assert shapes["numeric"][1:] == (3, 1)
