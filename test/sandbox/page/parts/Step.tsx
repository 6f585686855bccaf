import type { ReactNode } from "react";

interface StepParts {
  name: string;
  title: string;
  what: string;
  state: "waiting" | "busy" | "done" | "failed";
  children: ReactNode;
}

export function Step({ name, title, what, state, children }: StepParts) {
  return (
    <section className="step" id={`step-${name}`} data-state={state} aria-labelledby={`step-${name}-title`}>
      <h2 id={`step-${name}-title`}>
        {title} <small>{what}</small>
      </h2>
      {children}
    </section>
  );
}
