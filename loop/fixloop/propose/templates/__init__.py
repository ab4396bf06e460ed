"""Every repair template, each in a file of its own. The order is that of the alphabet and carries no meaning."""

from fixloop.propose.template import Template
from fixloop.propose.templates.arithmetic_operator import ArithmeticOperator
from fixloop.propose.templates.augmented_operator import AugmentedOperator
from fixloop.propose.templates.boolean_operator import BooleanOperator
from fixloop.propose.templates.bound_off_by_one import BoundOffByOne
from fixloop.propose.templates.comparison_boundary import ComparisonBoundary
from fixloop.propose.templates.comparison_direction import ComparisonDirection
from fixloop.propose.templates.condition_negation import ConditionNegation
from fixloop.propose.templates.constant_flip import ConstantFlip
from fixloop.propose.templates.control_keyword import ControlKeyword
from fixloop.propose.templates.dictionary_access import DictionaryAccess
from fixloop.propose.templates.discarded_result import DiscardedResult
from fixloop.propose.templates.exception_type import ExceptionType
from fixloop.propose.templates.initial_value import InitialValue
from fixloop.propose.templates.integer_constant import IntegerConstant
from fixloop.propose.templates.loop_exit import LoopExit
from fixloop.propose.templates.membership_identity import MembershipIdentity
from fixloop.propose.templates.method_call import MethodCall
from fixloop.propose.templates.missing_await import MissingAwait
from fixloop.propose.templates.missing_f_prefix import MissingFPrefix
from fixloop.propose.templates.missing_guard import MissingGuard
from fixloop.propose.templates.missing_import import MissingImport
from fixloop.propose.templates.missing_return import MissingReturn
from fixloop.propose.templates.missing_self import MissingSelf
from fixloop.propose.templates.misspelt_name import MisspeltName
from fixloop.propose.templates.mutable_default import MutableDefault
from fixloop.propose.templates.none_check import NoneCheck
from fixloop.propose.templates.range_bound import RangeBound
from fixloop.propose.templates.returned_value import ReturnedValue
from fixloop.propose.templates.sibling_function import SiblingFunction
from fixloop.propose.templates.slice_bound import SliceBound
from fixloop.propose.templates.sort_direction import SortDirection
from fixloop.propose.templates.statement_deleted import StatementDeleted
from fixloop.propose.templates.statement_nesting import StatementNesting
from fixloop.propose.templates.statement_order import StatementOrder
from fixloop.propose.templates.swapped_arguments import SwappedArguments
from fixloop.propose.templates.swapped_operands import SwappedOperands
from fixloop.propose.templates.unwrap_call import UnwrapCall
from fixloop.propose.templates.wrap_in_call import WrapInCall
from fixloop.propose.templates.wrong_variable import WrongVariable

TEMPLATES: tuple[type[Template], ...] = (
    ArithmeticOperator,
    AugmentedOperator,
    BooleanOperator,
    BoundOffByOne,
    ComparisonBoundary,
    ComparisonDirection,
    ConditionNegation,
    ConstantFlip,
    ControlKeyword,
    DictionaryAccess,
    DiscardedResult,
    ExceptionType,
    InitialValue,
    IntegerConstant,
    LoopExit,
    MembershipIdentity,
    MethodCall,
    MissingAwait,
    MissingFPrefix,
    MissingGuard,
    MissingImport,
    MissingReturn,
    MissingSelf,
    MisspeltName,
    MutableDefault,
    NoneCheck,
    RangeBound,
    ReturnedValue,
    SiblingFunction,
    SliceBound,
    SortDirection,
    StatementDeleted,
    StatementNesting,
    StatementOrder,
    SwappedArguments,
    SwappedOperands,
    UnwrapCall,
    WrapInCall,
    WrongVariable,
)
