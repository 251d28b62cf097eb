// The few drawings of the page, as SVG that takes the text's colour.
const PATHS = {
  search: "M7 12.5a5.5 5.5 0 1 1 0-11 5.5 5.5 0 0 1 0 11ZM11 11l3.5 3.5",
  theme: "M8 14.5A6.5 6.5 0 1 0 8 1.5a6.5 6.5 0 0 0 0 13ZM8 1.5v13M8 4.5h4.6M8 8h6.5M8 11.5h4.6",
  help: "M5.6 5.8a2.5 2.5 0 1 1 3.6 2.4c-.8.4-1.2.9-1.2 1.7M8 12.5v.1",
  down: "M4.5 6.5 8 10l3.5-3.5",
  plus: "M8 3v10M3 8h10",
  close: "M4 4l8 8M12 4l-8 8",
  check: "M3 8.5l3.200 3.200L13 4.800",
  edit: "M10.5 3.5l2 2L6 12l-2.600.6L4 10l6.5-6.5Z",
  trash: "M3 4.5h10M6.5 4.5v-2h3v2M4.5 4.5l.6 9h5.800l.6-9",
  panel: "M2 3h12v10H2zM10 3v10",
  rail: "M2 3h12v10H2zM6 3v10",
  curve: "M2 3v10h12M4 10c2-5 4-5 5-3s3 1 4-3",
  list: "M3 4.500h10M3 8h10M3 11.500h6",
  command: "M4 5l3 3-3 3M8.500 11.500H12",
  recent: "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12ZM8 4.500V8l2.500 1.500",
  columns: "M2 3h12v10H2zM6 3v10M10 3v10",
  middle: "M2 8h12M8 1.5v4M8 14.500v-4M6 3.800l2 1.900 2-1.900M6 12.200l2-1.900 2 1.900",
  share: "M8 10V2M5 4.500 8 1.500l3 3M4 7.500H3v7h10v-7h-1",
  download: "M8 2v8M4.500 7 8 10.500 11.500 7M2.500 13.500h11",
  mark: "M9.5 1.5 3.5 9H8l-1.5 5.5L12.5 7H8l1.5-5.5Z",
} as const;

export function Icon(props: { name: keyof typeof PATHS }) {
  return (
    <svg class={`icon icon-${props.name}`} viewBox="0 0 16 16" aria-hidden="true">
      <path d={PATHS[props.name]} />
    </svg>
  );
}
