/** Values of attributes as queries see them: what OTLP's AnyValue says, without maps and bytes. */

export type DataScalar =
  | { readonly type: "string"; readonly value: string }
  /** Signed, 64 bits. */
  | { readonly type: "int"; readonly value: bigint }
  | { readonly type: "float"; readonly value: number }
  | { readonly type: "bool"; readonly value: boolean };

/** `nil`: the key is there, with a value that queries do not see. */
export type DataValue =
  | DataScalar
  | { readonly type: "list"; readonly values: readonly DataScalar[] }
  | { readonly type: "nil" };
