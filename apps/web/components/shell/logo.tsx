export function Logo() {
  return (
    <span className="flex items-center gap-2 font-semibold text-base tracking-tight">
      <svg aria-hidden viewBox="0 0 20 20" className="size-5">
        <path d="M2 4.5h16M5 4.5V18M15 4.5V18M10 4.5v4" fill="none" stroke="currentColor" strokeWidth="1.8" strokeLinecap="round" />
        <rect x="7.4" y="8.6" width="5.2" height="4.6" rx="0.8" fill="var(--accent)" />
      </svg>
      Gantry
    </span>
  );
}
