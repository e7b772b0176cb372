//! Functions of ours inside a plan: what each computes of its columns, and
//! once for all what DataFusion wants to know of a function.

use std::fmt::Debug;
use std::hash::Hash;

use datafusion::arrow::array::ArrayRef;
use datafusion::arrow::datatypes::DataType;
use datafusion::error::Result as PlanResult;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

/// A function of columns that always gives the same for the same. Two equal
/// ones over the same inputs are computed once.
pub(crate) trait Kernel: Debug + Eq + Hash + Send + Sync + 'static {
    /// What tells it apart from others in one plan.
    fn name(&self) -> String;

    /// The type of what it gives.
    fn output(&self) -> DataType;

    /// Computes one batch. All inputs have that many rows; so has the result,
    /// unless it is one value for all of them.
    fn run(&self, inputs: &[ArrayRef], rows: usize) -> PlanResult<ColumnarValue>;

    /// The function applied.
    fn of(self, inputs: Vec<Expr>) -> Expr
    where
        Self: Sized,
    {
        let function = Function {
            name: self.name(),
            signature: Signature::any(inputs.len(), Volatility::Immutable),
            kernel: self,
        };
        ScalarUDF::new_from_impl(function).call(inputs)
    }
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Function<K> {
    name: String,
    signature: Signature,
    kernel: K,
}

impl<K: Kernel> ScalarUDFImpl for Function<K> {
    fn name(&self) -> &str {
        &self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> PlanResult<DataType> {
        Ok(self.kernel.output())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> PlanResult<ColumnarValue> {
        let arrays = args.args.iter().map(|input| input.to_array(args.number_rows));
        self.kernel.run(&arrays.collect::<PlanResult<Vec<_>>>()?, args.number_rows)
    }
}
